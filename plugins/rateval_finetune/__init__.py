"""Classifiers made from a model: zero-shot, and fine-tuning of head and image tower."""
