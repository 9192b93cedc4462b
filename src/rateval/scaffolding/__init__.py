"""A plugin to begin with: what `rateval new-plugin` writes, from real components of every kind."""
