"""How long a run still takes, of what was measured in it; unknown before anything was."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from rateval.display.tally import Tally, Whole

_ENOUGH_S = 2.0
"""Seconds of work that a stage must have been measured for."""
_TOGETHER_S = 4.0
"""Those that all stages must have: a step that does next to nothing says nothing of others."""
_SMOOTH_S = 20.0
"""Seconds over which the number of workers is averaged: between two steps it is one less."""
_KEEP = 0.1
"""Share by which a new estimate must differ from what is shown before it takes its place."""
_STEPS = ((60, 10), (600, 60), (3600, 300), (86_400, 600), (864_000, 3600), (math.inf, 86_400))
"""Seconds below which a time is rounded up to a multiple of so many seconds."""


class Left(NamedTuple):
    """An estimate of the seconds that are left."""

    seconds: float
    whole: bool
    """Whether all that is to come was measured; else it takes longer."""


@dataclass(slots=True)
class Outlook:
    """The time left of a run, looked at now and then, so that it changes without jumps."""

    _workers: float = 0.0
    _looked: float | None = None
    _ends: float | None = None
    """When it is shown to end."""

    def look(self, tally: Tally) -> Left | None:
        """Return what is left; None while nothing to come was measured."""
        now = tally.clock()
        left = estimate(tally, self._average(len(tally.workers), now))
        if left is None:
            self._ends = None
            return None
        shown = None if self._ends is None else self._ends - now
        if shown is None or abs(left.seconds - shown) > _KEEP * max(left.seconds, 60.0):
            self._ends = now + left.seconds
            shown = left.seconds
        return Left(max(shown, 0.0), left.whole)

    def _average(self, workers: int, now: float) -> float:
        passed = math.inf if self._looked is None else now - self._looked
        self._looked = now
        if workers:
            share = math.exp(-passed / _SMOOTH_S) if self._workers else 0.0
            self._workers = share * self._workers + (1 - share) * workers
        return max(self._workers, 1.0)


def estimate(tally: Tally, workers: float) -> Left | None:
    """Return what is left of a run in the hands of so many workers; None where nothing is known."""
    each = _measure(tally)
    known = {stage: each[stage] for stage, costs in tally.costs.items() if stage in each}
    work = sum(tally.costs[stage].left * seconds for stage, seconds in known.items())
    to_come = [stage for stage, costs in tally.costs.items() if costs.steps_left]
    if not any(stage in known for stage in to_come) or _seconds(tally) < _TOGETHER_S:
        return None
    alone = max((_alone(whole, known) for whole in tally.wholes.values()), default=0.0)
    return Left(max(work / workers, alone), all(stage in known for stage in to_come))


def _measure(tally: Tally) -> dict[str, float]:
    """Return the seconds of a worker that an image, or a step, of each stage takes."""
    found: dict[str, tuple[float, float]] = {
        stage: (costs.measured, costs.seconds) for stage, costs in tally.costs.items()
    }
    ended = {stage for stage, (amount, _) in found.items() if amount}
    for worker in tally.workers.values():
        before, seconds = found.get(worker.whole.kind, (0.0, 0.0))
        amount, more = worker.measured
        found[worker.whole.kind] = before + amount, seconds + more
    return {
        stage: seconds / amount
        for stage, (amount, seconds) in found.items()
        if amount and (stage in ended or seconds >= _ENOUGH_S)
    }


def _seconds(tally: Tally) -> float:
    ended = sum(costs.seconds for costs in tally.costs.values())
    return ended + sum(worker.measured[1] for worker in tally.workers.values())


def _alone(whole: Whole, each: dict[str, float]) -> float:
    """Return the seconds that the workers of one step need for the rest of it."""
    seconds = each.get(whole.kind, 0.0)
    return (whole.amount - whole.counted) * seconds / max(whole.workers, 1)


def say_left(left: Left) -> str:
    """Return what is left for a person, rounded up, as it is not known better.

    >>> [say_left(Left(seconds, True)) for seconds in (3, 42, 130, 5000, 200_000)]
    ['about 10 s left', 'about 50 s left', 'about 3 min left', 'about 1 h 30 min left', \
'about 2 d 8 h left']
    >>> say_left(Left(130, False))
    'at least 3 min left'
    """
    step = next(step for below, step in _STEPS if left.seconds < below)
    seconds = max(step, math.ceil(left.seconds / step) * step)
    return f"{'about' if left.whole else 'at least'} {say_time(seconds)} left"


def say_time(seconds: int) -> str:
    """Return whole seconds in their two largest units.

    >>> [say_time(seconds) for seconds in (5, 65, 3600, 3660, 90_000)]
    ['5 s', '1 min 5 s', '1 h', '1 h 1 min', '1 d 1 h']
    """
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(part for part in parts[:2] if part) or "0 s"
