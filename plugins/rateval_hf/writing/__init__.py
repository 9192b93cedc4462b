"""Vision-language models that write, by transformers' own classes."""
