"""What the stage `thresholds` found, as records: chance, and where methods change places."""
