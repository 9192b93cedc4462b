"""Drawn scenes with captions that name every object in them."""
