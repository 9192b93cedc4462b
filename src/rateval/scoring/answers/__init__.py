"""Answers to questions: what they are without the image, and scores by how right they are."""
