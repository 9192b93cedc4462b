"""A spec drafted from what lies on disk: what was recognised, what wasn't, and the text of it."""
