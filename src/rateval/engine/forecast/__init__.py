"""What a run would do, take and keep, told before it runs; nothing of it is left in the store."""
