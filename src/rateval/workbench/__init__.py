"""Choices made real, once each, and what they do with one batch."""
