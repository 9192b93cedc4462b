"""Public datasets of questions about photos."""
