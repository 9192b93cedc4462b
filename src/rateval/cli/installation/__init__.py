"""Commands about this installation: what works here, and a shell that completes commands."""
