"""What of a spec can't be done, found before anything runs."""
