"""The fine-tuning methods, one module each, and the heads they share."""
