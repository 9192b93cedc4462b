"""Tables that a result leaves beside its rows, in Parquet."""
