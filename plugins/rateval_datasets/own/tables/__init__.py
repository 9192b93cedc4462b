"""Photos that a table lists: CSV, Parquet or JSON Lines."""
