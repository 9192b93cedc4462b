"""What run.json says of two methods on the same images."""

from __future__ import annotations

from typing import Literal

from rateval.records.base import Record
from rateval.records.key import Key
from rateval.records.scores.estimate import Over

Claim = Literal["PT falls and IR rises", "no fall", "no change"]


class DifferenceRecord(Record):
    """One metric of a method minus that of another one."""

    metric: str
    """Label of the metric in the spec."""
    value: float
    low: float | None
    """Lower end of the paired interval, at the study's level; null where there is none: a metric
    that is no sum over images, or one cluster only."""
    high: float | None
    p: float | None
    """How likely a difference as large is if there is none, on either side."""
    p_corrected: float | None
    """The same, corrected for all pairs and metrics of the test by one validator."""
    few: bool
    """Whether either share has fewer than 5 successes or failures: p says little then."""
    over: Over

    @property
    def excludes_0(self) -> bool:
        """Whether there is an interval, and it leaves out 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


class FindingRecord(Record):
    """What two methods' differences show, at the study's level."""

    claim: Claim
    """``PT falls and IR rises`` needs both, and is corrected for nothing: one that is absent
    already keeps it from being claimed. ``no fall`` and ``no change`` are of one metric, by more
    than the study's margin."""
    metrics: tuple[str, ...]
    """Labels of the metrics that it is about."""
    margin: float | None = None
    """Fall or change that is ruled out; null where the claim has none."""
    p: float
    """Of the test or tests behind it, the largest."""


class ComparisonRecord(Record):
    """A method beside another one on the images of one test, by one validator."""

    method: Key
    """Over the seeds, a key without one."""
    against: Key
    """The zero-shot one of the two, else the earlier one of the spec."""
    validator: str
    count: int | float
    """Images that both have; mean over the seeds."""
    transitions: dict[str, dict[str, int | float]]
    """State by ``against`` to state by ``method`` to the images that have both; mean over the
    seeds. States are RR, RW, WR, WW, RU and WU as for quadrants; what is 0 is left out."""
    differences: tuple[DifferenceRecord, ...]
    """One per metric that is defined for both, in the order of the spec."""
    findings: tuple[FindingRecord, ...] = ()
    """What is shown; what is not shown is not here, and not refuted by that."""

    def difference(self, metric: str) -> DifferenceRecord | None:
        """Return the difference by a metric's label; None when there is none."""
        return next((found for found in self.differences if found.metric == metric), None)
