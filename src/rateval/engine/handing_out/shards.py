"""A step over a test split, done in shards that are kept until they are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rateval.api.training import Monitor
from rateval.plan.shards import cut
from rateval.records.base import Record
from rateval.records.step import Shard, Step
from rateval.store.identity import identify_result
from rateval.store.store import Store, Stored

WritePart = Callable[[range, Path], Record]
"""Fill a folder with the results of some positions of the test split; return its facts."""


@dataclass(frozen=True, slots=True)
class Divisible:
    """How a step is done of which any part of the test split can be done by itself."""

    step: Step
    size: int
    """Units of a shard."""
    open: Callable[[Monitor], AbstractContextManager[WritePart]]
    """Make what is needed to do parts of it; nothing is made where none is to be done."""
    merge: Callable[[Sequence[Stored], Path], Record]
    """Fill a folder with what shards hold together; return its facts."""
    spent: Callable[[range], float] = lambda part: 0.0
    """Seconds of a part, once it is written, that were spent on it before; below 0 where it took
    time that others bear."""

    def write(self, store: Store, folder: Path, monitor: Monitor) -> tuple[Record, float]:
        """Fill a folder with the whole result: of its shards, or at once where it needs none.

        A shard that is missing or damaged is made here. Returns its facts, and the seconds that
        the shards took which were there, or that others bear.
        """
        units = self.step.units or 0
        monitor.begin(units)
        with ExitStack() as stack:
            if units <= self.size:
                whole = range(units)
                facts = stack.enter_context(self.open(monitor))(whole, folder)
                return facts, self.spent(whole)
            shards = list(self._shards(store, monitor, stack))
            seconds = sum(shard.seconds for shard in shards if shard.reused)
            return self.merge(shards, folder), seconds

    def _shards(self, store: Store, monitor: Monitor, stack: ExitStack) -> Iterator[Stored]:
        kept, write = store.shards_of(self.step.stage, self.step.identity), None
        for step in cut_step(self.step, self.size):
            assert step.shard is not None
            part = range(step.shard.start, step.shard.stop)
            stored = kept.find(step.stage, step.identity, whole=True)
            if stored is not None:
                monitor.advance(len(part))
            else:
                write = write or stack.enter_context(self.open(monitor))
                fill, spent = partial(_fill, write, part), partial(self.spent, part)
                stored = kept.make(step.stage, step.inputs, fill, spent)
            yield stored

    def write_shard(self, store: Store, shard: Shard, monitor: Monitor) -> Stored:
        """Leave one of its shards in the store, unless it or the whole is there already."""
        step = self.step
        with store.sharing(step.identity):
            whole = store.fetch(step.stage, step.inputs)
            if whole is not None:
                return whole
            kept = store.shards_of(step.stage, step.identity)
            part = range(shard.start, shard.stop)

            def fill(folder: Path) -> Mapping[str, Any]:
                with store.reading(step.needs), self.open(monitor) as write:
                    return _fill(write, part, folder)

            return kept.make(step.stage, cut_inputs(step, part), fill, partial(self.spent, part))


def _fill(write: WritePart, part: range, folder: Path) -> Mapping[str, Any]:
    return write(part, folder).model_dump(mode="json")


def cut_step(step: Step, size: int) -> Iterator[Step]:
    """Yield the shards of a step, each a step of its own that needs what the whole one does."""
    for part in cut(step.units or 0, size):
        inputs = cut_inputs(step, part)
        yield replace(
            step,
            identity=identify_result(step.stage, inputs),
            inputs=inputs,
            units=len(part),
            shard=Shard(step.identity, part.start, part.stop),
        )


def cut_inputs(step: Step, part: range) -> dict[str, Any]:
    """Return everything that determines the result of a part of a step."""
    return {**step.inputs, "shard": [part.start, part.stop]}


def along(steps: Sequence[Step]) -> Step:
    """Return the first of several steps with the others beside it.

    >>> from rateval.records.step import Step
    >>> step = along([Step("infer", "a", "1", {}), Step("infer", "b", "2", {})])
    >>> step.identity, [one.identity for one in step.beside]
    ('1', ['2'])
    """
    return replace(steps[0], beside=tuple(replace(one, beside=()) for one in steps[1:]))
