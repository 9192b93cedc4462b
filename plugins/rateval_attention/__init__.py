"""Generic Attention Attribution for rateval."""
