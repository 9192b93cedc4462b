"""What was stored, judged and counted: maps and answers to verdicts, verdicts to numbers."""
