"""Scores under shifts beside those on clean images."""
