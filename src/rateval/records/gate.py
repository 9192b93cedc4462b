"""What a gate decided of a run: the verdict, and each requirement beside each cell."""

from __future__ import annotations

from typing import Literal

from rateval.records.base import Record
from rateval.records.key import Key
from rateval.records.scores.estimate import Over

Outcome = Literal["passed", "failed", "undecided"]
Decide = Literal["interval", "value"]
Rule = Literal["at_least", "at_most", "drop_at_most", "rise_at_most", "rise_at_least"]


BEYOND = "the interval lies on the bad side of the bound"
ACROSS = "the interval reaches over the bound"
"""Reasons that the numbers of a check say themselves."""


class CheckRecord(Record):
    """One requirement on one cell, or on cells that differ in their seed only."""

    requirement: int
    """Its place among the requirements, from 0."""
    metric: str
    """Label of the metric."""
    rule: Rule
    bound: float
    """What the rule holds the value against; of a drop or a rise, its size."""
    worst: str | None
    """``class``, or the group whose worst value is meant; null for all images together."""
    key: Key | None
    """Null where no cell of the run is asked for. A metric of predictions alone is checked once per
    classifier and test, and this names one explainer of several."""
    cell: str
    """The cell for people; what was asked for where there is none."""
    against: str | None = None
    """The cell that it is compared with, for people; null for a rule on the value alone."""
    validator: str | None = None
    """Whose verdicts count; null where there are none."""
    outcome: Outcome
    value: float | None = None
    """The value, or the difference; null where it is undefined or not there."""
    low: float | None = None
    """Lower limit, at the study's level by itself; null where nothing is known of it."""
    high: float | None = None
    over: Over | None = None
    """What the limits are over."""
    count: float | None = None
    """Images that the value is of, for PT the correct ones; of a difference, those of either."""
    p_met: float | None = None
    """One-sided p of the test whose alternative is that the requirement is met."""
    p_broken: float | None = None
    """One-sided p of the test whose alternative is that it is broken."""
    p_broken_corrected: float | None = None
    """The same, corrected by Holm for all checks."""
    at: str | None = None
    """Class or value of the group that decides, for a worst one."""
    why: str
    """A sentence on the outcome, without a name of anybody's own."""
    told: str | None = None
    """What an error or a name said further; text that may be anybody's."""
    images: int | None = None
    """Test images with which an undecided check would be decided in 80 % of studies, were the value
    what it seems to be; null where that can't be told."""
    times: float | None = None
    """The same as a multiple of what there is; over seeds, of seeds and images alike."""


class GateRecord(Record):
    """What a gate decided of a run."""

    outcome: Outcome
    study: str
    run: str
    """Folder of the run."""
    against: str | None
    """What differences are taken against: a method of the study, or the folder of a run."""
    decide: Decide
    level: float
    """Level of each limit, and 1 minus that of each test."""
    checks: tuple[CheckRecord, ...]

    def count(self, outcome: Outcome) -> int:
        """Return how many checks ended so."""
        return sum(check.outcome == outcome for check in self.checks)
