"""Runs and results that are kept: listed, verified, started again, and deleted."""
