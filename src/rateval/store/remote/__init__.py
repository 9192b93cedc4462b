"""Results kept behind a URL, with a mirror of them in a folder of this computer."""
