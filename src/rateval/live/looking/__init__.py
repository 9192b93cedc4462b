"""One photo explained: what a study computes of it, drawn and told at once."""
