"""What is handed out next: whole steps, and the shards of those that are done in parts."""
