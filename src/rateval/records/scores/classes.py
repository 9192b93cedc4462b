"""What run.json says of one score by class, and by how much of the image the evidence fills."""

from __future__ import annotations

from rateval.records.base import Record

FEWEST = 10
"""Images in the denominator of a class below which it is not named among the worst."""

WORST = 5
"""Classes that are named."""


class PartRecord(Record):
    """One score of some of the images."""

    numerator: int
    denominator: int
    low: float
    """Lower end of Wilson's interval."""
    high: float

    @property
    def value(self) -> float:
        """The share; the denominator is above 0."""
        return self.numerator / self.denominator


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
    """Classes with an image in the denominator."""
    macro: float
    """Mean over these classes, each of one weight."""
    compared: int
    """Classes with 10 images or more in the denominator."""
    worst: tuple[ClassRecord, ...]
    """Of those compared the 5 lowest, the lowest first."""
    design_effect: float | None
    """How often the variance of the score is that of as many images drawn one by one, as classes
    differ; null where it is 0 or 1, or there is one class only."""
