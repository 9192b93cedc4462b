"""BLIP that answers questions and writes captions, by transformers' own classes."""
