"""Splits narrowed to some of their samples, and watched for what could not be read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rateval.api.protocols import Split
from rateval.api.values import Sample, Skipped
from rateval.data.shapes import leave_out_long
from rateval.errors import RatevalError


@dataclass(frozen=True, slots=True)
class LimitedSplit:
    """The first ``count`` samples of a split; its identity says so."""

    whole: Split
    count: int

    @property
    def identity(self) -> str:
        """Name of the samples."""
        return f"{self.whole.identity}[:{self.count}]"

    def __len__(self) -> int:
        return self.count

    def samples(self, indices: Sequence[int]) -> Sequence[Sample | Skipped]:
        """Return the samples at ``indices``. Raises IndexError past the limit."""
        if any(not 0 <= index < self.count for index in indices):
            raise IndexError(f"this split is limited to {self.count} samples")
        return self.whole.samples(indices)


def limit_split(split: Split, limit: int | None) -> Split:
    """Return ``split`` itself when it has no more than ``limit`` samples."""
    if limit is None or limit >= len(split):
        return split
    return LimitedSplit(split, limit)


@dataclass(frozen=True, slots=True)
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

    def __len__(self) -> int:
        return len(self.positions)

    def samples(self, indices: Sequence[int]) -> Sequence[Sample | Skipped]:
        """Return the samples at ``indices`` of this subset."""
        return self.whole.samples([self.positions[index] for index in indices])


class WatchedSplit:
    """A split that remembers which of its samples could not be read, whoever reads it."""

    def __init__(self, whole: Split) -> None:
        self._whole = whole
        self._skipped: dict[str, Skipped] = {}

    @property
    def identity(self) -> str:
        """Name of the samples."""
        return self._whole.identity

    @property
    def skipped(self) -> list[Skipped]:
        """What was skipped so far, each sample once."""
        return list(self._skipped.values())

    def __len__(self) -> int:
        return len(self._whole)

    def samples(self, indices: Sequence[int]) -> Sequence[Sample | Skipped]:
        """Return the samples at ``indices``."""
        found = leave_out_long(self._whole.samples(indices))
        self._skipped |= {s.id: s for s in found if isinstance(s, Skipped)}
        return found


def hold_out(train: Split, images: int) -> tuple[Split, Split]:
    """Divide a training split in two: what is left to train on, and ``images`` samples held out.

    Which ones they are depends on the split's identity alone, so that every method and seed
    is watched on the same samples. Raises RatevalError when that is more than half of the split.
    """
    if images > len(train) // 2:
        raise RatevalError(
            f"held_out.images = {images}: the training split has {len(train)} samples, and at "
            f"most half of them can be held out; use {len(train) // 2} or fewer"
        )
    # The word is what it was when the first studies drew: another one would draw other samples.
    seed = hashlib.sha256(f"validation {train.identity}".encode()).digest()
    drawn = np.random.default_rng(list(seed)).permutation(len(train))
    held, left = np.sort(drawn[:images]), np.sort(drawn[images:])
    return (
        SubsetSplit(train, tuple(left.tolist()), f"without {images} held out"),
        SubsetSplit(train, tuple(held.tolist()), f"{images} held out"),
    )
