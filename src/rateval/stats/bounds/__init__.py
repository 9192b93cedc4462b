"""A value held against a bound: its tests, and what units, seeds and clusters leave open."""
