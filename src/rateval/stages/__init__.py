"""The stages of a cell. None imports another; ``rateval.pipeline`` alone knows their order."""
