"""Relevance that can be trained on."""
