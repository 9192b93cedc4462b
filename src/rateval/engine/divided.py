"""Steps that are done in shards: which shards are left, and when a step has all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from rateval.api.training import Monitor
from rateval.engine.shards import cut_step
from rateval.records.step import Demand, Step


class Divided:
    """Steps in the hands of several workers at once, each with the shards that are left of it.

    ``size`` is the number of units of a shard. Nothing is held per shard but those in work, so that
    a step may have any number of them.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._open: dict[str, _Whole] = {}

    def takes(self, step: Step) -> bool:
        """Return whether a step is done in shards."""
        return (step.units or 0) > self._size

    def add(self, step: Step, monitor: Monitor, there: Collection[str]) -> None:
        """Begin with a step; shards that are ``there`` are not done again."""
        shared = SharedMonitor(monitor, step.units or 0)
        self._open[step.identity] = _Whole(step, shared, cut_step(step, self._size), there)

    def take(self, prefer: Callable[[Step], bool] | None = None) -> tuple[Step, Monitor] | None:
        """Return the next shard, or a whole step whose shards are all there; None without any.

        It is of the step that has waited longest, unless that of another one is preferred.
        """
        waiting = [whole for whole in self._open.values() if whole.waits]
        if prefer is not None:
            waiting.sort(key=lambda one: not prefer(one.step))
        for whole in waiting:
            found = whole.take()
            if found is not None:
                return found, whole.monitor
        return None

    def end(self, shard: Step) -> None:
        """Take note that a shard is there."""
        assert shard.shard is not None
        whole = self._open.get(shard.shard.whole)
        if whole is not None:
            whole.in_work -= 1

    def close(self, identity: str) -> Step | None:
        """Let go of a step, with all that is left of it; return it where it was begun."""
        whole = self._open.pop(identity, None)
        return None if whole is None else whole.step


@dataclass(slots=True)
class _Whole:
    step: Step
    monitor: SharedMonitor
    left: Iterator[Step]
    there: Collection[str]
    in_work: int = 0
    exhausted: bool = False
    merging: bool = False

    @property
    def waits(self) -> bool:
        """Whether there may be something to do."""
        return not self.merging and not (self.exhausted and self.in_work)

    def take(self) -> Step | None:
        for shard in self.left:
            if shard.identity not in self.there:
                self.in_work += 1
                return shard
            self.monitor.advance(shard.units or 0)
        self.exhausted = True
        if self.in_work:
            return None
        self.merging = True
        return replace(self.step, demand=Demand())  # putting together needs no model


@dataclass(slots=True)
class SharedMonitor:
    """A monitor of a whole step that all of its shards tell: each unit counts once."""

    monitor: Monitor
    units: int
    _told: int = 0
    _begun: bool = field(default=False)

    def begin(self, total: int) -> None:
        """Show the units of the whole, once, whatever the number of a shard's own."""
        if not self._begun:
            self._begun = True
            self.monitor.begin(self.units)

    def advance(self, samples: int, note: str = "") -> None:
        """Pass on units that are done; those of a shard that is done again are not told twice."""
        self.begin(self.units)
        samples = min(samples, self.units - self._told)
        self._told += samples
        if samples or note:
            self.monitor.advance(samples, note)
