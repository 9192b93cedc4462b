"""Drawn scenes of several objects, and questions whose evidence is known to the pixel."""
