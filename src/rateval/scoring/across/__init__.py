"""Cells of different runs compared on the units that they share, from what is stored of each."""
