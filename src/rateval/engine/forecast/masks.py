"""How many samples of a test split carry a mask, by reading a few of them."""

from __future__ import annotations

from dataclasses import dataclass

from rateval.api.protocols import Split
from rateval.api.values import Sample
from rateval.data.evidence import find_evidence

SAMPLED = 200
"""Samples that are read at most."""


@dataclass(frozen=True, slots=True)
class MaskCount:
    """What was found of masks."""

    whole: int
    """Samples of the split."""
    read: int
    """Samples that were looked at and could be read."""
    lacking: int
    """Those of them without a mask."""


def count_masks(split: Split) -> MaskCount:
    """Read samples at even distances, at most ``SAMPLED``; no pixel of an image is kept."""
    count = len(split)
    asked = range(0, count, max(1, -(-count // SAMPLED)))
    read = lacking = 0
    for at in asked:
        (sample,) = split.samples([at])
        if isinstance(sample, Sample):
            read += 1
            lacking += find_evidence(sample) is None
    return MaskCount(count, read, lacking)
