"""What a checkpoint from elsewhere holds: weights, a tower alone, an adapter, a linear head."""
