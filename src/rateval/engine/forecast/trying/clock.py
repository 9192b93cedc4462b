"""A monitor that notes when what was done, and what can be told from that."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

from rateval.machine.interrupts import raise_missed_interrupt

_FEW = 2
"""Batches after the first, below which a median says no more than a mean."""


class Clock:
    """A ``rateval.api.Monitor`` that notes the seconds of each batch.

    >>> now = iter([0.0, 1.0, 3.0, 4.0, 5.0, 9.0])
    >>> clock = Clock(lambda: next(now))
    >>> clock.begin(16)
    >>> for _ in range(4):
    ...     clock.advance(4)
    >>> clock.per_unit, clock.total
    (0.25, 16)
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self.total = 0
        """Units that were announced."""
        self._last = now()
        self.batches: list[tuple[int, float]] = []
        """Units and seconds of each batch."""

    def begin(self, total: int) -> None:
        """Take note of what is to be done."""
        self.total = total
        self._last = self._now()

    def advance(self, samples: int, note: str = "") -> None:
        """Take note of what was done."""
        raise_missed_interrupt()
        if samples:
            now = self._now()
            self.batches.append((samples, now - self._last))
            self._last = now

    @property
    def per_unit(self) -> float | None:
        """Seconds of a unit, the first batch left out; None where there are too few others."""
        return None if len(self.batches) <= _FEW else seconds_per_unit(self.batches)


def seconds_per_unit(batches: Sequence[tuple[int, float]]) -> float:
    """Return the seconds of a unit by the median batch, the first one left out where there are few.

    >>> seconds_per_unit([(2, 9.0), (2, 2.0), (2, 3.0), (2, 2.0)])
    1.0
    >>> seconds_per_unit([(4, 2.0)])
    0.5
    """
    rest = batches[1:] if len(batches) > _FEW else batches
    if len(batches) > _FEW:
        return median(seconds / units for units, seconds in rest)
    return sum(seconds for _, seconds in rest) / sum(units for units, _ in rest)
