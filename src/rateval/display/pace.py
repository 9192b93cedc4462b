"""How many units a second, of what was told lately."""

from __future__ import annotations

from collections import deque

_POINTS = 9
_APART_S = 0.5
"""Seconds between two points at least, so that many small batches need no more of them."""


class Pace:
    """Units told at some times, and how many a second these are; nothing grows with them.

    >>> pace = Pace(0.0)
    >>> for second in (1.0, 2.0, 3.0):
    ...     pace.add(20, second)
    >>> pace.per_second(3.0)
    20.0
    """

    def __init__(self, now: float) -> None:
        self._total = 0
        self._points = deque([(now, 0)], maxlen=_POINTS)

    def add(self, units: int, now: float) -> None:
        """Take note of units that are done."""
        self._total += units
        if now - self._points[-1][0] >= _APART_S:
            self._points.append((now, self._total))

    def per_second(self, now: float) -> float | None:
        """Return the units of a second; None before any were told.

        Where nothing is told for longer than usual, it becomes less.
        """
        (first, before), (last, total) = self._points[0], self._points[-1]
        if total == before:
            return None
        usual = (last - first) / (len(self._points) - 1)
        return (total - before) / max(last - first, now - first - usual)
