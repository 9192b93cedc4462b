"""Names in a message, few or many."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN = 10


def list_some(items: Iterable[str]) -> str:
    """Return up to ten names as text, and the number of the rest.

    >>> list_some(map(str, range(12)))
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more'
    """
    items = list(items)
    rest = len(items) - _SHOWN
    return ", ".join(items[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def suggest(name: str, known: Iterable[str]) -> str:
    """Return what was probably meant, or what there is.

    >>> suggest("ViT-B-33", ["ViT-B-32", "RN50"])
    'did you mean "ViT-B-32"?'
    >>> suggest("x", ["b", "a"])
    'there are a, b'
    >>> suggest("x", [])
    'there are none'
    """
    options = sorted(known)
    close = get_close_matches(name, options, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(f'"{option}"' for option in close) + "?"
    return "there are " + (", ".join(options) or "none")
