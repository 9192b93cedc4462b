"""Paths, counts and shares as a command line has them; what is none is refused first of all."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
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
    return count_within(1)(text)


def count_within(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return what reads a number of things within bounds; ArgumentTypeError is raised beyond them.

    >>> count_within(0)("0"), count_within(1, 5000)("20")
    (0, 20)
    """

    def read(text: str) -> int:
        whole = text.isascii() and text.isdigit() and len(text) < 10
        if not whole or int(text) < least or (most is not None and int(text) > most):
            allowed = f"of {least} or more" if most is None else f"from {least} to {most:,}"
            raise ArgumentTypeError(f"{text[:40]}: must be a whole number {allowed}")
        return int(text)

    return read


def share(text: str) -> float:
    """Return a share, which may be in percent. Raises ArgumentTypeError where a text is none.

    >>> share("0.35"), share("35%")
    (0.35, 0.35)
    """
    number = text.removesuffix("%")
    try:
        value = float(number) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"{text}: is no share; give a number from 0 to 1, or a percentage")
    return value


def part(text: str) -> float:
    """Return a share that is neither nothing nor all. Raises ArgumentTypeError for another text.

    >>> part("0.95"), part("95%")
    (0.95, 0.95)
    """
    try:
        value = share(text)
    except ArgumentTypeError:
        value = 0.0
    if not 0 < value < 1:
        raise ArgumentTypeError(f"{text}: must be a number above 0 and below 1, or a percentage")
    return value
