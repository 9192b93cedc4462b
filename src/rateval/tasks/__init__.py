"""What is predicted, and when it is correct: one module for each kind of task."""
