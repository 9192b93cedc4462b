"""Chance by digests: the same for an image in any order, thread, process and platform."""

from __future__ import annotations

import hashlib


def digest(name: str, what: str) -> int:
    """Return a number of 256 bits for an image's id and what is drawn of it.

    >>> digest("a", "place") == digest("a", "place"), digest("a", "place") == digest("b", "place")
    (True, False)
    """
    # Names of files that are no valid Unicode reach us as surrogates.
    text = f"shift {what} {name}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest(), "big")


def draw(name: str, what: str) -> float:
    """Draw a number in [0, 1), a multiple of 2 ** -53.

    >>> 0 <= draw("a", "place") < 1
    True
    """
    return (digest(name, what) >> 203) * 2.0**-53


def draw_below(name: str, what: str, count: int) -> int:
    """Draw a whole number in [0, count).

    >>> draw_below("a", "place", 1)
    0
    """
    return digest(name, what) % count
