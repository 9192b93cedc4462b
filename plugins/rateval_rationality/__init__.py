"""Judge evidence, and score predictions and evidence together: accuracy, PT, IR."""
