"""Captions: which phrases name a class, and which of those are of something that is there."""
