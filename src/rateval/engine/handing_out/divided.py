"""Steps that are done in shards: which shards are left, and when a step has all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from rateval.api.training import Monitor
from rateval.engine.handing_out.shards import along, cut_step
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
        """Begin with a step and those beside it, over the same units.

        Shards that are ``there`` are not done again.
        """
        shared = SharedMonitor(monitor, step.units or 0)
        steps = {one.identity: one for one in (replace(step, beside=()), *step.beside)}
        left = zip(*(cut_step(one, self._size) for one in steps.values()), strict=True)
        whole = _Whole(steps, shared, left, there)
        self._open |= dict.fromkeys(steps, whole)

    def take(self, prefer: Callable[[Step], bool] | None = None) -> tuple[Step, Monitor] | None:
        """Return the next shard, or a whole step whose shards are all there; None without any.

        A shard has beside it those of the steps that are done along with its own. It is of the step
        that has waited longest, unless that of another one is preferred.
        """
        waiting = [whole for whole in dict.fromkeys(self._open.values()) if whole.waits]
        if prefer is not None:
            waiting.sort(key=lambda one: not prefer(one.first))
        for whole in waiting:
            found = whole.take()
            if found is not None:
                return found, whole.monitor
        return None

    def end(self, shard: Step) -> None:
        """Take note that a shard is there, with those beside it, or that they will not be."""
        for one in (shard, *shard.beside):
            assert one.shard is not None
            whole = self._open.get(one.shard.whole)  # else it failed already
            if whole is not None:
                whole.in_work -= 1
                return

    def close(self, identity: str) -> Step | None:
        """Let go of a step, with all that is left of it; return it where it was begun."""
        whole = self._open.pop(identity, None)
        return None if whole is None else whole.steps.pop(identity)


@dataclass(slots=True, eq=False)
class _Whole:
    steps: dict[str, Step]
    """A step and those that are done along with it, as far as they are not let go."""
    monitor: SharedMonitor
    left: Iterator[tuple[Step, ...]]
    there: Collection[str]
    in_work: int = 0
    exhausted: bool = False
    merging: set[str] = field(default_factory=set)

    @property
    def first(self) -> Step:
        """One of its steps, which all need the same."""
        return next(iter(self.steps.values()))

    @property
    def waits(self) -> bool:
        """Whether there may be something to do."""
        return not self.steps.keys() <= self.merging and not (self.exhausted and self.in_work)

    def take(self) -> Step | None:
        for shards in self.left:
            missing = [shard for shard in shards if self._lacks(shard)]
            if missing:
                self.in_work += 1
                return along(missing)
            self.monitor.advance(shards[0].units or 0)
        self.exhausted = True
        if self.in_work:
            return None
        step = next(one for one in self.steps.values() if one.identity not in self.merging)
        self.merging.add(step.identity)
        return replace(step, demand=Demand())  # putting together needs no model

    def _lacks(self, shard: Step) -> bool:
        assert shard.shard is not None
        return shard.shard.whole in self.steps and shard.identity not in self.there


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


@dataclass(frozen=True, slots=True)
class Together:
    """A monitor of steps that are done along with each other: each one's own is told."""

    monitors: Sequence[Monitor]

    def begin(self, total: int) -> None:
        """Show the units of each."""
        for monitor in self.monitors:
            monitor.begin(total)

    def advance(self, samples: int, note: str = "") -> None:
        """Pass on units that are done, to each, and a note once."""
        for monitor in self.monitors[:1]:
            monitor.advance(samples, note)
        for monitor in self.monitors[1:]:
            monitor.advance(samples)
