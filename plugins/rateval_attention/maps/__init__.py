"""Maps that no model makes: from files, drawn, or a fixed prior."""
