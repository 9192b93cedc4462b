"""How many units a second, of what was told lately."""

from __future__ import annotations

from collections import deque

_POINTS = 9
_APART_S = 0.5
"""Seconds between two points at least, so that many small batches need no more of them."""


class Pace:
    """Units told at some times, and how many a second these are; nothing grows with them.

    What is told first starts the clock: what came before it may be a queue, or loading.

    >>> pace = Pace()
    >>> for second in (60.0, 61.0, 62.0):
    ...     pace.add(20, second)
    >>> pace.per_second(62.0)
    20.0
    """

    def __init__(self) -> None:
        self._total = 0
        self._points: deque[tuple[float, int]] = deque(maxlen=_POINTS)

    def add(self, units: int, now: float) -> None:
        """Take note of units that are done."""
        if not self._points:
            self._points.append((now, 0))
            return
        self._total += units
        if now - self._points[-1][0] >= _APART_S:
            self._points.append((now, self._total))

    def per_second(self, now: float) -> float | None:
        """Return the units of a second; None before they were told twice.

        Where nothing is told for longer than usual, it becomes less.
        """
        if len(self._points) < 2:
            return None
        (first, before), (last, total) = self._points[0], self._points[-1]
        usual = (last - first) / (len(self._points) - 1)
        return (total - before) / max(last - first, now - first - usual)
