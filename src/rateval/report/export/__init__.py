"""Records to what other programs, papers and model hubs read."""
