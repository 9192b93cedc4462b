"""Which part of an image a view shows, found by asking it for masks of stripes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Box:
    """A part of an image in its own pixels; the ends don't belong to it."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """The rows and the columns, as an array takes them."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def find_visible(size: tuple[int, int], show: Callable[[Mask], Mask]) -> Box:
    """Return the part of an image of (rows, columns) that ``show`` leaves of masks.

    A model tells its geometry by nothing else. The edges of a crop are right to about half a pixel
    of the view, and so is the answer that there is none.

    >>> find_visible((4, 8), lambda mask: mask[:, 2:6])
    Box(top=0, bottom=4, left=2, right=6)
    """
    whole = show(np.ones(size, dtype=np.bool_))

    def rows(first: int, end: int) -> bool:
        stripe = np.zeros(size, dtype=np.bool_)
        stripe[first:end] = True
        return bool(show(stripe).any())

    def columns(first: int, end: int) -> bool:
        stripe = np.zeros(size, dtype=np.bool_)
        stripe[:, first:end] = True
        return bool(show(stripe).any())

    return Box(
        *_find_span(size[0], int(whole.any(axis=1).sum()), rows),
        *_find_span(size[1], int(whole.any(axis=0).sum()), columns),
    )


def _find_span(length: int, shown: int, sees: Callable[[int, int], bool]) -> tuple[int, int]:
    """Return first and end of the lines that are shown, of ``length``, as ``shown`` lines."""
    if not shown:
        return 0, 0
    width = min(length, math.ceil(length / shown))
    if sees(0, width) and sees(length - width, length):
        return 0, length
    first = _bisect(length, lambda count: sees(0, count)) - 1
    last = length - _bisect(length, lambda count: sees(length - count, length))
    # Of each line of the view one is looked at, in the middle of those that it stands for.
    half = max(0.0, ((last - first) / max(shown - 1, 1) - 1) / 2)
    return max(0, round(first - half)), min(length, round(last + half) + 1)


def _bisect(length: int, holds: Callable[[int], bool]) -> int:
    """Return the smallest count in [1, length] of which it holds; it holds of ``length``.

    >>> _bisect(10, lambda count: count >= 7)
    7
    """
    low, high = 1, length
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
