"""Answers that people gave to a question: which one counts as the label, and what can be none."""

from __future__ import annotations

import re
from collections.abc import Iterable

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""What cannot stand in a question or an answer: control characters, and what is no Unicode."""

IMAGE = "image"
"""Name of the group of all questions about one image."""
QUESTION_TYPE = "question type"
"""Name of the group of all questions of one type."""


def sort_classes(answers: Iterable[str]) -> tuple[str, ...]:
    """Return the different answers, sorted: the classes that labels are indices into.

    >>> sort_classes(["yes", "2", "no", "yes"])
    ('2', 'no', 'yes')
    """
    return tuple(sorted(set(answers)))


def explain_text(text: str) -> str | None:
    """Return why a text can be neither question nor answer; None when it can.

    >>> explain_text("red"), explain_text(" ")
    (None, 'is empty')
    """
    if not text.strip():
        return "is empty"
    if found := _UNFIT.search(text):
        return f"holds the character U+{ord(found[0]):04X}, which is no text"
    return None
