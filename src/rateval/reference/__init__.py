"""The JSON files of the paper's authors (labels, predictions, evidence) to a run and back."""
