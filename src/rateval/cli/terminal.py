"""Lines for a person, in one piece however long they are."""

from __future__ import annotations

from rateval.console import Console, Text


def say(console: Console, text: str, style: str = "") -> None:
    """Print a line in one piece, however long it is."""
    console.print(Text(text, style=style), soft_wrap=True)


def warn(message: str) -> None:
    """Print what deserves attention but stops nothing."""
    say(Console(stderr=True), f"warning: {message}", "yellow")
