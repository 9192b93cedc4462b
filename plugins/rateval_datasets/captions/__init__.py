"""Public datasets of captions, whose annotations say what a photo shows and where."""
