"""Two ways timed in turns, and the ratio of their times with its interval."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import pace
from scipy.stats import binom


def time_pairs(
    one: Callable[[], object],
    other: Callable[[], object],
    count: int,
    limit_s: float,
    clock: Callable[[], float] = time.perf_counter,
    warm_up: Callable[[], object] | None = None,
) -> list[tuple[float, float]]:
    """Return the seconds that both take in each pair; who is first changes from pair to pair.

    Before, what is imported and made but once is done by ``warm_up``, or by both.
    """
    if warm_up is None:
        one(), other()
    else:
        warm_up()
    found = []
    for number in pace.rounds(count, limit_s, "pair"):
        first, second = (one, other) if number % 2 else (other, one)
        times = [_seconds(first, clock), _seconds(second, clock)]
        found.append((times[0], times[1]) if number % 2 else (times[1], times[0]))
    return found


def ratio(pairs: list[tuple[float, float]]) -> str:
    """Return how many times as long the first way takes, the median of pairs and its interval.

    The interval is of two of the ratios in order, between which the median lies with 95 %; fewer
    than six have none, and both ends stand in its place.

    >>> ratio([(2.0, 1.0)] * 9)
    '2.00 (2.00 to 2.00 in 95 %, 9 pairs)'
    """
    ratios = sorted(one / other for one, other in pairs)
    at = int(binom.ppf(0.025, len(ratios), 0.5)) - 1
    of = "in 95 %" if at >= 0 else "in all"
    low, high = ratios[max(at, 0)], ratios[-1 - max(at, 0)]
    return f"{median(ratios):.2f} ({low:.2f} to {high:.2f} {of}, {len(ratios)} pairs)"


def _seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    begun = clock()
    work()
    return clock() - begun
