"""A run held against requirements: which cells, what is known of them, and what that decides."""
