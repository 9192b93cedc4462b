"""Which samples a contact sheet shows: drawn by digest, spread over the classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from rateval.api.protocols import Split
from rateval.api.training import Monitor
from rateval.data.drawing import draw
from rateval.data.splits import list_labels
from rateval.errors import RatevalError
from rateval.inspection.opening import Opened
from rateval.inspection.reading import EMPTY, EVERYTHING, UNKNOWN, Reading, Seen, read_splits
from rateval.inspection.splits import CUT
from rateval.inspection.views import View
from rateval.wording import suggest

Only = Literal[
    "without-evidence",
    "empty-evidence",
    "whole-evidence",
    "vanished",
    "cut",
    "skipped",
    "noted",
    "duplicates",
]
ONLY: tuple[str, ...] = get_args(Only)
"""What a sheet may be narrowed to."""
BY_VIEW = ("vanished", "cut")
"""Those of them for which it matters what a model sees."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sample that may be shown."""

    split: str
    at: int
    """Position in the split."""
    id: str
    label: int | None
    """None where nothing says it without reading the sample, or at all."""


def find_label(opened: Opened, name: str) -> int:
    """Return the label of a class by its name. Raises RatevalError when there is none."""
    if name not in opened.classes:
        hint = suggest(name, opened.classes[:50])
        raise RatevalError(f"--class {name}: {opened.label} has no such class; {hint}")
    return opened.classes.index(name)


def find_candidates(
    opened: Opened,
    splits: Mapping[str, Split],
    views: Sequence[View],
    monitor: Monitor,
    readers: int,
    *,
    label: int | None = None,
    only: str | None = None,
) -> list[Candidate]:
    """Return the samples of ``splits`` that have that label and are what ``only`` says.

    Everything is read where the listing doesn't tell that.
    """
    listed = all(list_labels(split) is not None for split in splits.values())
    if only is None and (label is None or listed):
        found = [one for name, split in splits.items() for one in _list(name, split)]
    else:
        readings = read_splits(splits, opened.whole, views, monitor, readers)
        found = [one for reading in readings.values() for one in _take(reading, readings, only)]
    return [one for one in found if label is None or one.label == label]


def pick(candidates: Sequence[Candidate], count: int) -> list[Candidate]:
    """Return ``count`` of the candidates, in proportion to their classes, ordered by class."""
    labels = [-1 if one.label is None else one.label for one in candidates]
    ids = [f"{one.split} {one.id}" for one in candidates]
    drawn = [candidates[at] for at in draw(ids, labels, count)]
    return sorted(drawn, key=lambda one: -1 if one.label is None else one.label)


def _list(name: str, split: Split) -> Iterator[Candidate]:
    labels, ids = list_labels(split), getattr(split, "ids", None)
    for at in range(len(split)):
        told = None if labels is None else int(labels[at])
        yield Candidate(name, at, str(at) if ids is None else ids[at], told)


def _take(
    reading: Reading, readings: Mapping[str, Reading], only: str | None
) -> Iterator[Candidate]:
    if only in (None, "skipped"):
        for one in reading.left:
            yield Candidate(reading.split, one.at, one.id, one.label)
    holds = _condition(only, readings)
    for seen in reading.seen:
        if holds(seen):
            yield Candidate(reading.split, seen.at, seen.id, seen.label)


def _condition(only: str | None, readings: Mapping[str, Reading]) -> Callable[[Seen], bool]:
    states = {
        "without-evidence": UNKNOWN,
        "empty-evidence": EMPTY,
        "whole-evidence": EVERYTHING,
    }
    if only in states:
        return lambda seen: seen.evidence == states[only]
    if only == "duplicates":
        pictures = Counter(seen.pixels for reading in readings.values() for seen in reading.seen)
        return lambda seen: pictures[seen.pixels] > 1
    conditions: dict[str | None, Callable[[Seen], bool]] = {
        None: lambda seen: True,
        "skipped": lambda seen: False,
        "noted": lambda seen: bool(seen.notes),
        "vanished": lambda seen: any(share == 0 for share, _ in seen.looks),
        "cut": lambda seen: any(lost >= CUT for _, lost in seen.looks),
    }
    return conditions[only]
