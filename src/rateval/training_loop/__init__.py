"""Scores in a training loop that is a user's own."""
