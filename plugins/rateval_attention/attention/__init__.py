"""Attributions that read the attention of the model's layers."""
