"""A photo under the label that a model gives it, where nobody says which is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rateval.api.protocols import Split
from rateval.api.values import Sample, Skipped


@dataclass
class Labelled:
    """A split of one photo under another label."""

    split: Split
    label: int

    @property
    def identity(self) -> str:
        """Name of the samples."""
        return f"{self.split.identity} labelled {self.label}"

    def __len__(self) -> int:
        return len(self.split)

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        """Return the photo, with that label."""
        return [
            replace(one, label=self.label) if isinstance(one, Sample) else one
            for one in self.split.samples(indices)
        ]
