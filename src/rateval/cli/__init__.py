"""One module per command; each has ``execute(parsed) -> exit code`` and imports what it needs."""
