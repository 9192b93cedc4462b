"""What ``run.json`` says of answers to edited images, which tell what a prediction hangs on."""

from __future__ import annotations

from rateval.records.base import Record


class AnswersRecord(Record):
    """How the answers of one classifier follow the objects of one test.

    Means are over the correct predictions of which something is known; null where there are none.
    """

    count: int
    """Images that have a row."""
    undefined: dict[str, int]
    """Reason to the number of images of which nothing is known."""
    fewer_donors: int
    """Images that were put on fewer backgrounds than asked for, as there were no more."""
    pool: int
    """Images that lend their backgrounds; 0 where no background is swapped."""
    right: int
    """Correct predictions of which something is known."""
    kept_on_object: float | None
    """Mean share of the versions with another background on which their answer stays."""
    kept_without_object: float | None
    """Share of them whose answer stays without the object."""
    rectangles: int | None = None
    """Images of which something is known whose mask is a rectangle, as a box around an object is;
    null where results of an earlier version were reused, which didn't count them."""
    gap: float | None
    """Mean probability of their answer with the object on other backgrounds, minus that without
    the object."""


class CounterfactualRecord(AnswersRecord):
    """How the answers of one cell's classifier follow the objects of its test."""

    identity: str
    """Names the answers of each image: ``store/counterfactual/<identity>``. Cells that differ in
    their attribution only share them."""
