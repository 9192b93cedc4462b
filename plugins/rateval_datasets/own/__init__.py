"""Readers of people's own data: photos as they are, with evidence of many forms."""
