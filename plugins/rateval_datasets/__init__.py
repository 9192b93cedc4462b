"""Readers of public datasets in the formats of their official archives; nothing is downloaded."""
