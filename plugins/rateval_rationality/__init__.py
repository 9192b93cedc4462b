"""Validators of evidence, and metrics of predictions and evidence together: accuracy, PT, IR."""
