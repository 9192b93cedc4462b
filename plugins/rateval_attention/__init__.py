"""Attributions for rateval: of attention, of gradients, and null explainers."""
