"""What run.json says of the groups that a dataset puts its images in: a camera, a site."""

from __future__ import annotations

from rateval.records.base import Record
from rateval.records.estimate import Estimate

MOST_VALUES = 50
"""Different values that a group has at most: what has more of them names images, it is no group."""


class SliceRecord(Record):
    """One score of the images that have one value of a group."""

    value: str | None
    """Null for the images of which it is not known."""
    count: int | float
    """Images that have it; mean over the seeds."""
    score: Estimate


class GroupRecord(Record):
    """One score by one of the dataset's groups."""

    name: str
    """Such as ``camera``."""
    distinct: int
    """Different values that are known; the most of any seed."""
    slices: tuple[SliceRecord, ...]
    """One per value, in their order, the unknown one last; empty where there are so many that they
    rather name the images."""
