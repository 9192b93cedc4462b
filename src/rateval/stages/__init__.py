"""The stages of a cell. None imports another; ``rateval.engine.pipeline`` alone knows their order."""
