"""A plan tried on a few batches: how long its steps take, and what memory they hold."""
