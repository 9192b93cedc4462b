"""A whole plugin tried: every suite on every component, and what its start costs."""
