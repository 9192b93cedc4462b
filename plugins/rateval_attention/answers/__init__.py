"""Attributions of answers that are texts, by what a pass over image and words recorded."""
