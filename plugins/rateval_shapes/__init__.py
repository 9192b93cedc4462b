"""Drawn scenes with exact masks of what counts as evidence."""
