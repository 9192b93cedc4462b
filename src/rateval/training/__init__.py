"""One fit: watched, kept, shared among processes."""
