"""CLIP through open_clip for rateval."""
