"""What run.json says, in declared and versioned values."""
