"""ALBEF that answers questions, through LAVIS' own class."""
