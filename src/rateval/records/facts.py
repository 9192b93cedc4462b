"""Facts of each stage: small values that are stored beside its files."""

from __future__ import annotations

from typing import Any, Literal

from rateval.records.about.pictures import StratumRecord
from rateval.records.about.trainings import EpochRecord
from rateval.records.base import Record
from rateval.records.scores.cell import BoundsRecord, SkippedRecord
from rateval.records.scores.counterfactual import AnswersRecord
from rateval.records.scores.explainers import AreasRecord, CompletenessRecord


class FinetuneFacts(Record):
    """Facts of a fine-tuning."""

    trained: bool
    """False for zero-shot: nothing was trained and no weight was loaded."""
    skipped: tuple[SkippedRecord, ...]
    """Training samples that could not be read."""
    curve: tuple[EpochRecord, ...]
    """One per epoch."""
    told: dict[str, Any]
    """What else the method says of this training."""
    assumed: tuple[str, ...] = ()
    """As the model's card has it."""


class InferFacts(Record):
    """Facts of the predictions and explanations of one cell."""

    count: int
    """Images that have a row."""
    skipped: tuple[SkippedRecord, ...]
    """Test samples that could not be read."""
    completeness: CompletenessRecord | None = None
    """Null where the attribution promises no sum."""
    samples: int | None = None
    """Samples that were predicted where each has several rows, or none; null where each has one."""


class JudgeFacts(Record):
    """Facts of one validator's verdicts."""

    undefined: dict[str, int]
    """Reason to the number of images without a score."""
    quadrants: dict[str, int]
    """Counts of RR, RW, WR and WW: prediction first, evidence second. RU and WU, whose evidence is
    unknown, are there where they are not 0."""


class SliceFacts(Record):
    """Facts of one metric on the images that have one value of a group."""

    value: str | None
    """Null for the images of which it is not known."""
    count: int
    """Images that have it."""
    numerator: int
    denominator: int


class GroupFacts(Record):
    """Facts of one metric by one of the dataset's groups."""

    name: str
    distinct: int
    """Different values that are known."""
    slices: tuple[SliceFacts, ...]
    """Empty where there are too many values."""


class ScoreFacts(Record):
    """Facts of one metric."""

    heading: str
    """Short heading of its column."""
    numerator: int
    denominator: int
    bounds: BoundsRecord | None = None
    """Null where no image's evidence is unknown, or that makes no difference."""
    groups: tuple[GroupFacts, ...] = ()
    """One per group of the dataset."""


class PairsFacts(Record):
    """Facts of a validator's verdicts on pairs of a mask and a map not of its image."""

    numerator: int
    """Valid ones."""
    denominator: int
    worth: float
    """Independent pairs that would tell as much: an image may be in several."""
    undefined: int
    """Pairs without a score; they count as not valid."""


class MeanFacts(Record):
    """Facts of a mean over images."""

    value: float | None
    sd: float | None
    """By n - 1; null below two images."""
    count: int


class BoxesFacts(Record):
    """Facts of a validator's verdicts on own maps in boxes of the masks' size, anywhere."""

    every: PairsFacts
    right: PairsFacts
    """Those of right predictions alone."""
    per_image: int
    """Boxes of each image."""


class ThresholdsFacts(Record):
    """Facts of what chance makes valid by one validator, over images of known evidence."""

    others: PairsFacts
    """Other images' maps."""
    uniform: PairsFacts
    centre: PairsFacts
    boxes: BoxesFacts | None = None
    """Null where the task doesn't ask for it."""
    mean_score: MeanFacts
    """Of each image's own map, where that has a score."""
    rule: Literal["at least", "above"] | None
    """What a score has to be, compared with a threshold, to be valid; null where none is known."""
    no_curves: str | None
    """Why there are no counts by threshold; null where they are stored."""


class FaithfulnessFacts(AreasRecord):
    """Facts of how the prediction's probability follows the maps of one cell."""

    count: int
    """Images looked at, drawn from those of the test split."""
    undefined: dict[str, int]
    """Reason to the number of those without curves; they are in no area."""


class ShareFacts(Record):
    """Facts of how often one validator judges two explainers' maps alike."""

    numerator: int
    denominator: int
    """Images with a score by both explainers."""


class AgreeFacts(Record):
    """Facts of two explainers on one classifier and one test."""

    correlation: float | None
    """Mean Spearman correlation of the patch maps; null when it is defined for no image."""
    count: int
    """Images where it is defined."""
    verdicts: tuple[ShareFacts, ...]
    """One per validator."""


class CounterfactualFacts(AnswersRecord):
    """Facts of how the answers of one classifier follow the objects of one test."""


class ViewFacts(Record):
    """Facts of the pictures of one view."""

    file: str
    models: tuple[str, ...]
    """Labels of the models that have it."""
    height: int
    """Of the view, in pixels."""
    width: int
    undefined: dict[str, int]
    """Reason to the number of images without a picture."""


class PicturesFacts(Record):
    """Facts of the pictures of one test."""

    count: int
    """Images that were drawn."""
    of: int
    """Images that were predicted in some cell."""
    asked: int
    strata: dict[str, StratumRecord]
    """The rarest first."""
    views: tuple[ViewFacts, ...]


class TokensFacts(Record):
    """Facts of the maps of single tokens by one cell."""

    count: int
    """Texts that were drawn."""
    tokens: int
    """Tokens of them that have a map."""
    undefined: dict[str, int]
    """Reason to the number of texts without any."""
