"""What tasks whose predictions are texts have in common."""
