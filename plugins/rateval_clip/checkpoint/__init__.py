"""Weights of a CLIP: where they come from, whether they fit, and how they get in."""
