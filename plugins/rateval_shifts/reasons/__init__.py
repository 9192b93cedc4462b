"""Shifts that test the reason: of backgrounds, objects, marks, places and detail."""
