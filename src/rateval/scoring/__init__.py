"""Stored results to records: scores, agreements, seeds, rankings."""
