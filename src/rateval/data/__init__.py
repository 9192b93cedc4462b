"""From samples to batches: narrowed splits, and tensors prepared ahead of the model."""
