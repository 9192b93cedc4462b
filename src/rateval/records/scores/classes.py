"""What run.json says of one score by class, and by how much of the image the evidence fills."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from rateval.records.base import Record
from rateval.records.scores.estimate import Over

FEWEST = 10
"""Images in the denominator of a class below which it is not named among the worst."""

WORST = 5
"""Classes that are named."""


class PartRecord(Record):
    """One score of some of the images."""

    numerator: int | None
    """Null over seeds, where the value is a mean."""
    denominator: int | float
    """Mean over the seeds."""
    value: float
    """The share; over seeds their mean, of those by which it is defined."""
    low: float
    """Lower end of Wilson's interval; over seeds of that of as many images as leave the mean as
    open as seeds and images do."""
    high: float
    over: Over = "images"
    """What the interval is over."""

    @model_validator(mode="before")
    @classmethod
    def _divide(cls, given: Any) -> Any:
        """Fill in the value, which older records leave to whoever reads them."""
        if isinstance(given, dict) and "value" not in given and given.get("denominator"):
            return given | {"value": given["numerator"] / given["denominator"]}
        return given


class ClassRecord(PartRecord):
    """One score of the images of one class.

    The interval is simultaneous over all classes that are compared, as the worst ones are chosen.
    """

    name: str


class AreaRecord(PartRecord):
    """One score of a third of the images, by how much of the image their evidence fills."""

    least: float
    """Smallest share of the image, by the model's view of it."""
    greatest: float


class ClassesRecord(Record):
    """One score by class."""

    defined: int
    """Classes with an image in the denominator, by any seed."""
    macro: float
    """Mean over these classes, each of one weight; over seeds the mean of the seeds' means."""
    compared: int
    """Classes with 10 images or more in the denominator; over seeds on average, and by two of them
    one at least."""
    worst: tuple[ClassRecord, ...]
    """Of those compared the 5 lowest, the lowest first."""
    design_effect: float | None
    """How often the variance of the score is that of as many images drawn one by one, as classes
    differ; null where it is 0 or 1, or there is one class only. Mean over the seeds."""
