"""The stages of a cell. None imports another; ``rateval.runner`` alone knows their order."""
