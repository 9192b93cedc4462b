"""A split read once: what is known of each sample when its pixels are gone."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from PIL import Image

from rateval.api.protocols import Split
from rateval.api.training import Monitor
from rateval.api.values import Sample, Skipped
from rateval.data.evidence import find_evidence
from rateval.data.groups import Groups, list_groups
from rateval.data.shapes import leave_out_long
from rateval.data.splits import list_labels
from rateval.inspection.views import Onlooker, View
from rateval.workbench.views import Mask

Task = TypeVar("Task")
Result = TypeVar("Result")

UNKNOWN, EMPTY, SOME, EVERYTHING = "unknown", "empty", "some", "everything"
"""What is known of a sample's evidence: no mask, one of nothing, of a part, of the whole image."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of a sample that could be read."""

    at: int
    """Position in the split."""
    id: str
    label: int
    size: tuple[int, int]
    """Width and height."""
    pixels: bytes
    """A digest of size and decoded pixels."""
    evidence: str
    area: float | None
    """Share of the image that is evidence; None without a mask."""
    looks: tuple[tuple[float, float], ...]
    """For each view the share of it that is evidence, and the share of the evidence that it cuts
    off; none where there is no evidence to see."""
    notes: tuple[str, ...]
    asked: bytes = b""
    """A digest of what is asked of it; empty where nothing is."""
    captioned: bool = False
    """Whether what is asked for is a caption, by no question."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is kept of a sample that was left out."""

    at: int
    id: str
    label: int | None
    """None where the split doesn't list it."""
    reason: str
    damaged: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that was learnt of one split."""

    split: str
    identity: str
    whole: int
    """Samples of the split before a limit narrowed it."""
    labels: Sequence[int] | None
    """Those listed, of all samples; None where the split lists none."""
    groups: Groups
    seen: tuple[Seen, ...]
    left: tuple[Left, ...]

    @property
    def count(self) -> int:
        """Samples that were asked for."""
        return len(self.seen) + len(self.left)

    @property
    def ids(self) -> set[str]:
        """Ids of all samples that were asked for."""
        return {seen.id for seen in self.seen} | {left.id for left in self.left}

    @property
    def known_labels(self) -> list[int]:
        """The label of each sample that has one, also of those left out if they are listed."""
        listed = [left.label for left in self.left if left.label is not None]
        return [seen.label for seen in self.seen] + listed


def read_splits(
    splits: Mapping[str, Split],
    whole: Mapping[str, int],
    views: Sequence[View],
    monitor: Monitor,
    readers: int,
) -> dict[str, Reading]:
    """Read every sample of the splits once, each let go of before the next."""
    monitor.begin(sum(map(len, splits.values())))
    return {
        name: read_split(name, split, whole[name], views, monitor, readers)
        for name, split in splits.items()
    }


def read_split(
    name: str, split: Split, whole: int, views: Sequence[View], monitor: Monitor, readers: int
) -> Reading:
    """Read every sample of a split once, by ``readers`` threads, in order."""
    onlookers = [Onlooker(view) for view in views]
    labels = list_labels(split)

    def read(at: int) -> Seen | Left:
        (sample,) = leave_out_long(split.samples([at]))
        if isinstance(sample, Sample):
            return see(at, sample, onlookers)
        return _leave(at, sample, labels)

    seen: list[Seen] = []
    left: list[Left] = []
    for one in read_ahead(read, range(len(split)), readers):
        if isinstance(one, Seen):
            seen.append(one)
        else:
            left.append(one)
        monitor.advance(1)
    groups = list_groups(split)
    return Reading(name, split.identity, whole, labels, groups, tuple(seen), tuple(left))


def _leave(at: int, sample: Skipped, labels: Sequence[int] | None) -> Left:
    label = None if labels is None else int(labels[at])
    return Left(at, sample.id, label, sample.reason, sample.damaged)


def see(at: int, sample: Sample, onlookers: Sequence[Onlooker]) -> Seen:
    """Return what is kept of a sample."""
    mask = find_evidence(sample)
    marked = mask is not None and bool(mask.any())
    return Seen(
        at=at,
        id=sample.id,
        label=sample.label,
        size=sample.image.size,
        pixels=digest_pixels(sample.image),
        evidence=_name_evidence(mask),
        area=None if mask is None else np.count_nonzero(mask) / mask.size,
        looks=() if mask is None or not marked else tuple(one.look(mask) for one in onlookers),
        notes=sample.notes,
        asked=b"" if sample.asked is None else _digest_text(sample.asked.question),
        captioned=sample.asked is not None and not sample.asked.question,
    )


def _digest_text(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()[:16]


def _name_evidence(mask: Mask | None) -> str:
    if mask is None:
        return UNKNOWN
    if not mask.any():
        return EMPTY
    return EVERYTHING if mask.all() else SOME


def digest_pixels(image: Image.Image) -> bytes:
    """Return a digest of an image's size and pixels: equal for equal pictures, whatever their file.

    >>> one, other = Image.new("RGB", (2, 3)), Image.new("RGB", (3, 2))
    >>> digest_pixels(one) == digest_pixels(one.copy()), digest_pixels(one) == digest_pixels(other)
    (True, False)
    """
    digest = hashlib.sha256(repr(image.size).encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.digest()[:16]


def read_ahead(
    work: Callable[[Task], Result], tasks: Sequence[Task], readers: int
) -> Iterator[Result]:
    """Yield what ``work`` makes of each task, in order, with ``readers`` threads a little ahead."""
    with ThreadPoolExecutor(max(1, readers), thread_name_prefix="rateval-reading") as pool:
        pending: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                pending.append(pool.submit(work, task))
                if len(pending) > 2 * readers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
