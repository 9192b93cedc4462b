"""Datasets looked over before a study: read once, counted, judged fit or not, and drawn."""
