"""What run.json says of numbers: estimates, cells, comparisons, seeds, groups, explainers."""
