"""A step over a large test split, done in parts that are kept while the rest is still done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rateval.api.training import Monitor
from rateval.records.base import Record
from rateval.records.step import Step
from rateval.store.store import Store, Stored

PART_SIZE = 4096
"""Images of a larger test split that are kept together while the rest is still done."""

WritePart = Callable[[range, Path], Record]
"""Fill a folder with the results of some positions of the test split; return its facts."""


def has_parts(count: int) -> bool:
    """Return whether a test split of ``count`` images is done in parts.

    >>> has_parts(PART_SIZE), has_parts(PART_SIZE + 1)
    (False, True)
    """
    return count > PART_SIZE


def do_parts(
    store: Store, step: Step, count: int, monitor: Monitor, write: WritePart
) -> Iterator[Stored]:
    """Yield each part of a step as it is kept, so that an interruption loses little."""
    unfinished = Store(store.unfinished(step.stage, step.inputs), tell=store.tell)
    for start in range(0, count, PART_SIZE):
        part = range(start, min(start + PART_SIZE, count))
        inputs = {**step.inputs, "part": [part.start, part.stop]}
        stored = unfinished.fetch("part", inputs, whole=True)
        if stored is not None:
            monitor.advance(len(part))
        yield stored or unfinished.make("part", inputs, partial(_dump, write, part))


def _dump(write: WritePart, part: range, folder: Path) -> Mapping[str, Any]:
    return write(part, folder).model_dump(mode="json")
