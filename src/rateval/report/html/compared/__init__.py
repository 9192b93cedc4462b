"""The page of runs that are compared, side by side."""
