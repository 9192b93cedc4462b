"""A run as one page for a browser, with everything that it needs inside of it."""
