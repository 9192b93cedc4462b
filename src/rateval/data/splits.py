"""Narrow a split to some of its samples, and watch what is read of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rateval.api.protocols import Split
from rateval.api.values import Sample, Skipped


@dataclass(frozen=True, slots=True)
class LimitedSplit:
    """Hold the first ``count`` samples of a split; its identity says so."""

    whole: Split
    count: int

    @property
    def identity(self) -> str:
        """Name the samples."""
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
    """Hold the samples of a split at some positions; the identity is the split's and a note."""

    whole: Split
    positions: tuple[int, ...]
    note: str
    """Says by what rule the positions were chosen."""

    @property
    def identity(self) -> str:
        """Name the samples."""
        return f"{self.whole.identity} ({self.note})"

    def __len__(self) -> int:
        return len(self.positions)

    def samples(self, indices: Sequence[int]) -> Sequence[Sample | Skipped]:
        """Return the samples at ``indices`` of this subset."""
        return self.whole.samples([self.positions[index] for index in indices])


class WatchedSplit:
    """Remember which samples of a split could not be read, whoever reads it."""

    def __init__(self, whole: Split) -> None:
        self._whole = whole
        self._skipped: dict[str, str] = {}

    @property
    def identity(self) -> str:
        """Name the samples."""
        return self._whole.identity

    @property
    def skipped(self) -> list[Skipped]:
        """Return what was skipped so far, each sample once."""
        return [Skipped(name, reason) for name, reason in self._skipped.items()]

    def __len__(self) -> int:
        return len(self._whole)

    def samples(self, indices: Sequence[int]) -> Sequence[Sample | Skipped]:
        """Return the samples at ``indices``."""
        found = self._whole.samples(indices)
        self._skipped |= {s.id: s.reason for s in found if isinstance(s, Skipped)}
        return found
