"""What run.json says of each cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rateval.records.base import Record
from rateval.records.explainers import FaithfulnessRecord

if TYPE_CHECKING:
    pass


class ScoreRecord(Record):
    """Hold one metric of one cell."""

    metric: str
    """Label of the metric in the spec."""
    heading: str
    """Short heading of its column."""
    value: float | None
    """In [0, 1]; null when the denominator is 0."""
    numerator: int
    denominator: int
    low: float | None
    """Lower end of the 95 % Wilson interval over the images; null when the value is."""
    high: float | None
    """Upper end of that interval."""
    change: float | None
    """Value minus that of zero-shot by the same seed of the same study; null when either is
    undefined or this is zero-shot itself."""


class EvidenceRecord(Record):
    """Hold what one validator says of one cell."""

    validator: str
    """Label of the validator in the spec."""
    identity: str
    """Names the stored verdicts: ``store/judge/<identity>``."""
    quadrants: dict[str, int]
    """Counts of RR, RW, WR and WW: prediction first, evidence second."""
    undefined: dict[str, int]
    """Reason to the number of images without a score; they count as not valid."""
    scores: tuple[ScoreRecord, ...]


class SkippedRecord(Record):
    """Name a sample that could not be read."""

    id: str
    reason: str


class CellRecord(Record):
    """Hold one point of the grid, by the labels of the spec."""

    dataset: str
    model: str
    finetuner: str
    shift: str | None
    attribution: str
    seed: int | None = None
    """The one of the study's seeds that it was done with; null when it depends on none."""
    trained: bool
    """False for zero-shot, against which changes are taken."""
    identity: str
    """Names the stored predictions and relevance maps: ``store/infer/<identity>``."""
    classifier: str
    """Names what fine-tuning stored: ``store/finetune/<identity>``."""
    count: int
    """Images judged."""
    skipped: tuple[SkippedRecord, ...]
    """Test samples that could not be read; they are in no count."""
    skipped_in_training: tuple[SkippedRecord, ...]
    """Training samples that could not be read."""
    evidence: tuple[EvidenceRecord, ...]
    faithfulness: FaithfulnessRecord | None = None
    """Null when the spec has no ``[faithfulness]``."""
