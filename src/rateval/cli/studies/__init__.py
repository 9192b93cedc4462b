"""Commands that read a spec: made, checked, planned, run."""
