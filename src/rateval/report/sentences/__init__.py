"""What a report says in sentences, below and beside its tables."""
