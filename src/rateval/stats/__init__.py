"""Numbers about numbers: intervals and ranks. Knows nothing of rateval."""
