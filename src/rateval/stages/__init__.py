"""The stages of a cell: inputs to files and facts. None imports another; the engine orders them."""
