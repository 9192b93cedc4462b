"""The promises of tasks, and of models that answer by texts."""
