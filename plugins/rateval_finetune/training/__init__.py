"""How a method trains: steps, rates, sources, states, early stopping."""
