"""Attributions that differentiate by the pixels of the view."""
