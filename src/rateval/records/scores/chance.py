"""What a validator says without a cell's own maps, and where methods change places by threshold."""

from __future__ import annotations

from typing import Literal

from rateval.records.base import Record
from rateval.records.key import Key
from rateval.records.scores.estimate import Estimate


class ChanceRecord(Record):
    """How often a mask calls a map valid that is not of its image, by the same validator.

    Images whose evidence is unknown take no part. A map without a score counts as not valid.
    """

    others: Estimate
    """Other images' maps of the same cell, over at most 2,000 pairs of a mask and a map; the
    interval knows that an image is in several pairs."""
    uniform: Estimate
    """A map that is the same everywhere, over at most 2,000 masks; most validators give it no
    score."""
    centre: Estimate
    """A round bump in the middle of the view, over the same masks."""
    boxes: BoxesRecord | None = None
    """The image's own map in random boxes; null where the task doesn't ask for it."""
    uniform_undefined: int | float = 0
    """Masks that give the uniform map no score; mean over the seeds."""


class BoxesRecord(Record):
    """How often an image's own map is valid in a box that has nothing to do with the image.

    Boxes are of the mask's area, with the proportions of its bounding box, and each place inside
    the view is as likely as any other.
    """

    every: Estimate
    """Over images of known evidence: what the share of valid evidence is by chance."""
    right: Estimate
    """Over those that are predicted correctly: what PT is by chance."""
    per_image: int
    """Boxes of each image, up to 20; the interval knows that they have its map in common."""


class CrossingRecord(Record):
    """A threshold at which two methods change places by one metric."""

    metric: Literal["PT", "IR"]
    threshold: float
    """The first threshold by which the two are in their new order."""
    rises: bool
    """Whether the method is ahead from there on, and the other one was before."""
    clear_below: float | None = None
    """The nearest threshold below by which the order of before is clear: the interval of the paired
    difference leaves out 0. Intervals hold for one threshold each, not for all at once."""
    clear_above: float | None = None
    """The nearest one, here or above, by which the new order is clear. Both are null where either
    order is never clear: such a crossing may be noise."""

    @property
    def clear(self) -> bool:
        """Whether the order is clear on both sides, by some threshold each."""
        return self.clear_below is not None and self.clear_above is not None


class CrossingsRecord(Record):
    """The thresholds at which two methods of one test change places, by one validator."""

    method: Key
    """Over the seeds, a key without one."""
    against: Key
    """The zero-shot one of the two, else the earlier one of the spec."""
    validator: str
    asked: bool
    """Whether paired differences were looked at, as they are but where images count by clusters."""
    count: int
    """How many crossings there are, of PT and of IR together."""
    shown: tuple[CrossingRecord, ...]
    """At most 10 of them: clear ones first, then by metric and threshold."""
