"""Numbers that stand for texts, as predictions are numbers."""

from __future__ import annotations

from hashlib import blake2b

_WRITTEN = 2**32
"""From here on numbers are those of texts; below, those of classes."""


def number_text(text: str) -> int:
    """Return a number from 2³² on that stands for a text alone.

    >>> number_text("a dog") == number_text("a dog") != number_text("a cat")
    True
    """
    digest = blake2b(text.encode("utf-8", "replace"), digest_size=7).digest()
    return _WRITTEN + int.from_bytes(digest, "big")
