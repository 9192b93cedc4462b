"""What a comparison of runs says: the same units by one run and by another."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from rateval.records.base import Record
from rateval.records.key import Key
from rateval.records.presenting import Presented
from rateval.records.scores.comparisons import DifferenceRecord, FindingRecord
from rateval.records.scores.estimate import Estimate


class ComparedRunRecord(Record):
    """A run that is compared."""

    path: str
    study: str
    status: str
    started: str
    """UTC, ISO 8601."""
    device: str
    seeds: tuple[int, ...]


class ApartRecord(Record):
    """Something in which a run was asked for, or made, otherwise than the baseline."""

    run: int
    """Place of the run among ``runs``."""
    where: str
    """Key of the resolved spec with the component's label, or part of the environment."""
    baseline: Any
    """Null where the baseline has nothing there."""
    candidate: Any


class ChangedRecord(Record):
    """A unit whose quadrant differs."""

    seed: int | None = None
    """Of the candidate's cell; null when it depends on none."""
    id: str
    label: str
    baseline: str
    """Quadrant by the baseline."""
    candidate: str
    baseline_prediction: str
    candidate_prediction: str
    question: str = ""
    """What was asked; empty where units are images with a class."""


class MetricPairRecord(Record):
    """One metric of both cells, on the units that both have."""

    metric: str
    """Label in the candidate's spec."""
    heading: str
    baseline: Estimate
    candidate: Estimate
    difference: DifferenceRecord | None
    """The candidate's minus the baseline's; null where either is undefined. ``p_corrected`` is
    corrected for all pairs and metrics of one dataset, attribution and validator."""


class PairRecord(Record):
    """A cell of a run beside one of the baseline, or cells that differ in their seed only."""

    run: int
    """Place of the candidate's run among ``runs``."""
    candidate: Key
    """Over the seeds, a key without one."""
    baseline: Key
    validator: str
    """Label in the candidate's spec."""
    baseline_validator: str
    """Label in the baseline's spec."""
    attribution: str | None
    """Null where answers to edits are judged: they are the same by each attribution."""
    seeds: tuple[tuple[int | None, int | None], ...]
    """Seeds of the candidate and of the baseline that were compared with one another."""
    unpaired: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    """Seeds of the candidate, and of the baseline, that were compared with none."""
    count: int | float
    """Units that both have; mean over the seeds."""
    only_candidate: int | float
    only_baseline: int | float
    own_units: bool = False
    """Whether it hangs on what a model says of a sample which units there are, if any: scores and
    differences are then of all units of the samples that both have."""
    other_view: str = ""
    """How the models' views differ; empty where they don't."""
    metrics: tuple[MetricPairRecord, ...]
    left_out: dict[str, str] = Field(default_factory=dict)
    """Label of a metric that could not be compared to why."""
    transitions: dict[str, dict[str, int | float]]
    """State by the baseline to state by the candidate to units; mean over the seeds. What is 0 is
    left out."""
    moved: int | float
    """Units that changed their state; mean over the seeds."""
    changed: tuple[ChangedRecord, ...]
    """The first of them, or all, as asked for."""
    findings: tuple[FindingRecord, ...] = ()

    def metric(self, label: str) -> MetricPairRecord | None:
        """Return a metric by its label; None when it was not compared."""
        return next((found for found in self.metrics if found.metric == label), None)


class CompareRecord(Presented):
    """Runs compared on the units that they share."""

    format: Literal[1] = 1
    level: float
    """Of the intervals."""
    cluster: str
    """What counts in place of units; ``none`` where units do."""
    margin: float | None
    runs: tuple[ComparedRunRecord, ...]
    """The baseline comes first."""
    apart: tuple[ApartRecord, ...]
    """How specs and environments differ from the baseline's."""
    pairs: tuple[PairRecord, ...]
    alone: tuple[str, ...] = ()
    """Cells of one run without one in the other, by run and label."""
    left_out: tuple[str, ...] = ()
    """Sentences on what pairs up and could not be compared."""
