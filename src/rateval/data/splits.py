"""Splits narrowed to some of their samples, and watched for what could not be read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rateval.api.protocols import Split
from rateval.api.values import Sample, Skipped
from rateval.data.checked import CheckedSplit
from rateval.data.drawing import apportion, draw, level
from rateval.data.groups import Groups, list_groups
from rateval.data.looking_ahead import look_ahead
from rateval.data.shapes import leave_out_long
from rateval.errors import RatevalError
from rateval.wording import write_count


@dataclass(frozen=True, slots=True, eq=False)
class SubsetSplit:
    """The samples of a split at some positions; the identity is the split's and a note."""

    whole: Split
    positions: tuple[int, ...]
    note: str
    """Says by what rule the positions were chosen."""

    @property
    def identity(self) -> str:
        """Name of the samples."""
        return f"{self.whole.identity} ({self.note})"

    @property
    def labels(self) -> Sequence[int] | None:
        """Labels of the samples, unread; None where the split doesn't list them."""
        labels = list_labels(self.whole)
        return None if labels is None else [labels[at] for at in self.positions]

    @property
    def groups(self) -> Groups:
        """Groups of the samples, unread; empty where the split has none."""
        groups = list_groups(self.whole)
        return {name: [values[at] for at in self.positions] for name, values in groups.items()}

    @property
    def at_once(self) -> int:
        """How many samples it is asked for at once."""
        return list_at_once(self.whole)

    def __len__(self) -> int:
        return len(self.positions)

    def look_ahead(self, indices: Sequence[int]) -> None:
        """Tell the split which samples will be asked for soon."""
        look_ahead(self.whole, [self.positions[index] for index in indices])

    def samples(self, indices: Sequence[int]) -> Sequence[Sample | Skipped]:
        """Return the samples at ``indices`` of this subset. Raises IndexError past its end."""
        if any(not 0 <= index < len(self) for index in indices):
            raise IndexError(f"this split is {self.note}: it has {len(self)} samples")
        return self.whole.samples([self.positions[index] for index in indices])


def list_labels(split: Split) -> Sequence[int] | None:
    """Return the labels of all samples of a split that lists them, without reading any; else None.

    A split lists them as a ``rateval.api.ListedSplit`` does.
    """
    labels: Sequence[int] | None = getattr(split, "labels", None)
    return labels


def list_at_once(split: Split) -> int:
    """Return how many samples a split is asked for at once; one, unless it lists another number.

    A split lists it as a ``rateval.api.ListedSplit`` does.
    """
    return int(getattr(split, "at_once", 1))


Way = Literal["share", "class"]
"""How a limit is drawn: in proportion to the classes, or equally many of each."""


def limit_split(split: Split, limit: int | None, by: Way = "share") -> Split:
    """Return ``limit`` samples of a split, drawn by ``draw``, in the order that they have there.

    Where the split lists no labels they are drawn as if they were of one class, and without ids by
    their positions. A split with no more samples than that is returned as it is. Raises
    RatevalError when equally many of each class are asked for and it lists no labels.
    """
    if limit is None or limit >= len(split):
        return split
    if isinstance(split, CheckedSplit):  # it is asked for once per cell
        return split.remember((limit, by), lambda: _draw_split(split, limit, by))
    return _draw_split(split, limit, by)


def _draw_split(split: Split, limit: int, by: Way) -> SubsetSplit:
    labels, ids = list_labels(split), getattr(split, "ids", None)
    if by == "class" and labels is None:
        raise RatevalError(
            f'run.limit_by = "class": the split "{split.identity}" doesn\'t list its labels, so '
            'that nobody knows the classes before all is read; use "share", which then draws '
            "whatever the class"
        )
    rule = f"{'ids' if ids is not None else 'positions'}{'' if labels is None else ' by class'}"
    drawn = draw(
        list(map(str, range(len(split)))) if ids is None else ids,
        [0] * len(split) if labels is None else labels,
        limit,
        apportion if by == "share" else level,
    )
    rule += " equally" if by == "class" else ""
    return SubsetSplit(split, tuple(drawn), f"limited to {limit} of {len(split)} by {rule}")


class WatchedSplit:
    """A split that remembers which of its samples could not be read, whoever reads it."""

    def __init__(self, whole: Split) -> None:
        self._whole = whole
        self._skipped: dict[int, Skipped] = {}
        """By position: threads may read in any order."""

    @property
    def identity(self) -> str:
        """Name of the samples."""
        return self._whole.identity

    @property
    def skipped(self) -> list[Skipped]:
        """What was skipped so far, each sample once, in the order of the split."""
        return [skipped for _, skipped in sorted(self._skipped.items(), key=itemgetter(0))]

    @property
    def at_once(self) -> int:
        """How many samples it is asked for at once."""
        return list_at_once(self._whole)

    def __len__(self) -> int:
        return len(self._whole)

    def look_ahead(self, indices: Sequence[int]) -> None:
        """Tell the split which samples will be asked for soon."""
        look_ahead(self._whole, indices)

    def samples(self, indices: Sequence[int]) -> Sequence[Sample | Skipped]:
        """Return the samples at ``indices``."""
        found = leave_out_long(self._whole.samples(indices))
        for at, sample in zip(indices, found, strict=True):
            if isinstance(sample, Skipped):
                self._skipped[int(at)] = sample
        return found


def hold_out(train: Split, images: int) -> tuple[Split, Split]:
    """Divide a training split in two: what is left to train on, and ``images`` samples held out.

    They are drawn evenly; of each class that has several samples there is one among them, where
    ``images`` allows and the split lists labels. Which ones they are depends on the split alone, so
    that every method and seed is watched on the same samples. Raises RatevalError when that is more
    than half of the split.
    """
    if images > len(train) // 2:
        there = write_count(len(train), "sample")
        raise RatevalError(
            f"held_out.images = {images}: the training split has {there}, and at most half of "
            f"them can be held out; use {len(train) // 2} or fewer"
        )
    # The word is what it was when the first studies drew: another one would draw other samples.
    seed = hashlib.sha256(f"validation {train.identity}".encode()).digest()
    drawn = np.random.default_rng(list(seed)).permutation(len(train))
    ordered = _put_classes_first(drawn, list_labels(train), images)
    held, left = np.sort(ordered[:images]), np.sort(ordered[images:])
    rule = "" if ordered is drawn else ", of every class"
    return (
        SubsetSplit(train, tuple(left.tolist()), f"without {images} held out{rule}"),
        SubsetSplit(train, tuple(held.tolist()), f"{images} held out{rule}"),
    )


def _put_classes_first(
    drawn: NDArray[np.int64], labels: Sequence[int] | None, images: int
) -> NDArray[np.int64]:
    """Move one sample of each class to the front, unless the first ``images`` hold them anyway."""
    if labels is None:
        return drawn
    _, first, sizes = np.unique(np.asarray(labels)[drawn], return_index=True, return_counts=True)
    ones = first[sizes > 1]  # a class with one sample keeps it for training
    if not images >= len(ones) > 0 or ones.max() < images:
        return drawn
    return np.concatenate([drawn[ones], np.delete(drawn, ones)])
