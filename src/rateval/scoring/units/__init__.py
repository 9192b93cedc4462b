"""Cells of one test whose units are their own, such as phrases of captions."""
