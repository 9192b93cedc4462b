"""Which components exist here, and which could be installed."""
