"""Conformance suites of what judges: validators, metrics, edits and how verdicts are tried."""
