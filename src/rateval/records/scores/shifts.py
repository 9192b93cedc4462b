"""What run.json says of a study's shifts: changes, relative errors, orders of methods."""

from __future__ import annotations

from rateval.records.base import Record
from rateval.records.key import Key
from rateval.records.scores.comparisons import DifferenceRecord
from rateval.records.scores.estimate import Over
from rateval.records.shift import ShiftKey

ORDERED = ("accuracy", "PT", "IR", "object")
"""Headings of the metrics by which the order of methods is looked at."""


class ShiftedRecord(Record):
    """One shifted test of a method minus its clean one, on the images that both have."""

    shift: ShiftKey
    changes: tuple[DifferenceRecord, ...]
    """One per metric that is defined for both. ``p_corrected`` is for all shifts of the family by
    the same metric."""

    def change(self, metric: str) -> DifferenceRecord | None:
        """Return the change by a metric's label; None when there is none."""
        return next((found for found in self.changes if found.metric == metric), None)


class TypeScoreRecord(Record):
    """One metric of a method by one type of a shift, over its severities."""

    metric: str
    """Label of the metric in the spec."""
    heading: str
    clean: float | None
    """On the clean images that are there by every severity too; mean over the seeds."""
    mean: float | None
    """Mean over the severities, each counting the same, on the same images."""
    change: DifferenceRecord | None
    """``mean`` minus ``clean``. ``p_corrected`` is for all types of the family by this metric."""
    trend: DifferenceRecord | None
    """At the highest severity minus at the lowest, on the images of both, corrected likewise; null
    where there are fewer than two severities."""
    lacking: str | None = None
    """Why the mean is null; null where it is not."""
    trend_lacking: str | None = None
    """Why the trend is null; null where it is not."""


class RelativeErrorRecord(Record):
    """A method's error under shifts over that of the reference method, 1 where both are alike."""

    value: float | None
    """Mean over the seeds."""
    low: float | None = None
    high: float | None = None
    over: Over = "images"
    lacking: str | None = None
    """Why the value is null; null where it is not."""


class MeanErrorRecord(RelativeErrorRecord):
    """The mean of such figures over the types of a family."""

    types: int
    """How many types it is the mean of: those by which the figure is defined."""
    of: int
    """How many there are."""


class ShiftTypeRecord(Record):
    """A method by one type of a shift."""

    kind: ShiftKey
    """Family and type; no severity."""
    group: str | None
    """What the shift's component puts the type with, such as noise; null where it says nothing."""
    severities: tuple[int | float | None, ...]
    """Those of the study, ascending; null for a shift that has none."""
    shifted: tuple[ShiftedRecord, ...]
    """One per severity that has results."""
    scores: tuple[TypeScoreRecord, ...]
    """One per metric that is a sum over images."""
    error: RelativeErrorRecord
    """Sum over the severities of the error over that of the reference method: CE of Hendrycks and
    Dietterich (2019)."""
    relative_error: RelativeErrorRecord
    """The same of what the errors exceed those on clean images by."""

    def score(self, metric: str) -> TypeScoreRecord | None:
        """Return a score by a metric's label; None when there is none."""
        return next((found for found in self.scores if found.metric == metric), None)


class ShiftsRecord(Record):
    """A method under the shifts of one family, beside itself on clean images, by one validator."""

    method: Key
    """The clean cell; without a seed where the study has several."""
    family: str
    validator: str
    reference: Key | None
    """The zero-shot method of the same model and test that errors are relative to; null where
    there is none."""
    types: tuple[ShiftTypeRecord, ...]
    """In the order of the spec."""
    mean_error: MeanErrorRecord
    """Mean of ``error`` over the types: mCE of Hendrycks and Dietterich."""
    mean_relative_error: MeanErrorRecord
    """Mean of ``relative_error`` over the types."""


class OrderChangeRecord(Record):
    """Two methods of which one is clearly ahead on clean images and the other under a shift."""

    first: str
    """Label of the method that is ahead on clean images."""
    second: str
    """Label of the one that is ahead under the shift."""
    clean: DifferenceRecord
    """First minus second on clean images."""
    shifted: DifferenceRecord
    """The same of the means over the severities, on the same images."""
    p: float
    """The larger one of both differences': the claim needs both."""
    p_corrected: float
    """The same for all pairs of methods, types of the family and metrics of one test."""


class OrderRecord(Record):
    """What one type of a shift does to the order of methods by one metric."""

    test: Key
    """A clean cell of the test, that of the first method; no seed where there are several."""
    kind: ShiftKey
    validator: str
    metric: str
    heading: str
    pairs: int
    """Pairs of methods that are compared, on clean images and over the severities."""
    in_value: int
    """Pairs whose order changes in value, but not clearly on both sides."""
    clear: tuple[OrderChangeRecord, ...]
    """Pairs whose order changes clearly: both intervals leave out 0, and so does the p that is
    corrected for all that was looked at."""
