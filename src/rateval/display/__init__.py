"""A run's live view: what is counted of it, and the lines that a terminal shows."""
