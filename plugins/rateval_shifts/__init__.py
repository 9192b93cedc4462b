"""Shifts of test images: corruptions, and changes that test the reason of an answer."""
