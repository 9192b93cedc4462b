"""Rounds of a benchmark that say how far they are, and end before a limit."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

LIMIT_S = 480
"""Seconds that the rounds of a benchmark take at most: all of it ends within ten minutes."""


def tell(text: str) -> None:
    """Print at once, beside the results."""
    print(text, file=sys.stderr, flush=True)


def rounds(count: int, limit_s: float = LIMIT_S, what: str = "round") -> Iterator[int]:
    """Yield 0 to count - 1, and end early where the longest round so far would pass the limit.

    The first round takes place in any case.
    """
    begin = time.perf_counter()
    longest = 0.0
    for number in range(count):
        started = time.perf_counter()
        if number and started - begin + longest > limit_s:
            tell(f"stopped after {number} of {count} rounds: the limit is {limit_s:.0f} s")
            return
        yield number
        ended = time.perf_counter()
        longest = max(longest, ended - started)
        left = longest * (count - number - 1)
        tell(f"{what} {number + 1} of {count}: {ended - begin:.0f} s, at most {left:.0f} s to go")
