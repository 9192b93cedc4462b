"""Data and models drawn in memory, for checks and for a plugin's own tests."""
