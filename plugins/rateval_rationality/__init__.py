"""Judge evidence by relevance mass; score predictions and evidence together: accuracy, PT, IR."""
