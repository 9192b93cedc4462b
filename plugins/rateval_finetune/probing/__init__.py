"""A linear head on stored features, minimised as a whole."""
