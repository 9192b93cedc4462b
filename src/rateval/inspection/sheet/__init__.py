"""A contact sheet: some samples of a dataset with their evidence drawn, for people to look at."""
