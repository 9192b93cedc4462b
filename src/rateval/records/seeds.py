"""What ``run.json`` says over a study's seeds: values, their mean and spread, and intervals."""

from __future__ import annotations

from rateval.records.base import Record
from rateval.records.explainers import AreasRecord


class SpreadRecord(Record):
    """Hold how a number differs between seeds; undefined values are in none of its statistics."""

    values: tuple[float | None, ...]
    """One per seed, in their order; null where it is undefined."""
    count: int
    """Seeds where it is defined."""
    mean: float | None
    """Null when it is defined for no seed."""
    sd: float | None
    """Sample standard deviation, by n - 1; null below two defined values."""
    minimum: float | None
    maximum: float | None
    low: float | None
    """Lower end of Student's 95 % interval of the mean over seeds, which can lie below 0; null
    below two defined values."""
    high: float | None
    """Upper end of that interval, which can lie above 1."""


class SeedsScoreRecord(Record):
    """Hold one metric over the seeds."""

    metric: str
    """Label of the metric in the spec."""
    heading: str
    """Short heading of its column."""
    value: SpreadRecord
    change: SpreadRecord
    """Value minus that of zero-shot by the same seed."""


class SeedsEvidenceRecord(Record):
    """Hold what one validator says over the seeds."""

    validator: str
    """Label of the validator in the spec."""
    quadrants: dict[str, float]
    """Counts of RR, RW, WR and WW, mean over the seeds."""
    scores: tuple[SeedsScoreRecord, ...]


class SeedsRecord(Record):
    """Hold the cells that differ in their seed only."""

    dataset: str
    model: str
    finetuner: str
    shift: str | None
    attribution: str
    seeds: tuple[int, ...]
    """Seeds of the cells; empty for one that depends on no seed, and so has one value."""
    count: float
    """Images judged, mean over the seeds."""
    evidence: tuple[SeedsEvidenceRecord, ...]
    faithfulness: AreasRecord | None
    """Means over the seeds; null when the spec has no ``[faithfulness]``."""
