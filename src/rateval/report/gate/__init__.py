"""What a gate decided, for a terminal, a pull request and a build server."""
