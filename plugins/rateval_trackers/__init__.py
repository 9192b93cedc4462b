"""Trackers: a run noted where MLflow, Weights & Biases, TensorBoard or trackio shows it."""
