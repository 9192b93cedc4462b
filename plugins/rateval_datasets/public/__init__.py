"""Readers of public datasets, as their official archives unpack."""
