"""What will be done: components found, params checked, cells laid out."""
