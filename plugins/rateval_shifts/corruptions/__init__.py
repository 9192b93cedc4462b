"""ImageNet-C's corruptions, from their published definitions."""
