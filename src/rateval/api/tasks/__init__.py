"""What is predicted: the meaning of a task, and what models and explainers of texts offer."""
