"""Records to what people read. Computes nothing."""
