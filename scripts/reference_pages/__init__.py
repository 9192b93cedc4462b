"""Pages of docs/reference, made of what they describe."""
