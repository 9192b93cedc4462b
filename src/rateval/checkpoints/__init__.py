"""Models in and out: official downloads, checks, classifiers rebuilt and exported."""
