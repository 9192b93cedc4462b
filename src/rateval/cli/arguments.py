"""Paths on the command line: what can be none is refused before anything else is done."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path

from rateval.spec.values import explain_length


def path(text: str) -> str:
    """Return the text of a path. Raises ArgumentTypeError when there can be no such path.

    >>> path("runs/first")
    'runs/first'
    """
    why = "is empty; give a path" if not text else explain_length(Path(text))
    if why:
        raise ArgumentTypeError(f"{text if len(text) <= 60 else text[:57] + '...'}: {why}")
    return text


def count(text: str) -> int:
    """Return a number of things, 1 or more. Raises ArgumentTypeError where a text is none.

    >>> count("12")
    12
    """
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:12]) < 10**9:
        raise ArgumentTypeError(f"{text[:40]}: must be a whole number of 1 or more")
    return int(text)
