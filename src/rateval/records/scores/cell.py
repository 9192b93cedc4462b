"""What run.json says of each cell."""

from __future__ import annotations

from pydantic import Field

from rateval.records.base import Record
from rateval.records.key import Key
from rateval.records.scores.answers import CaptionsRecord, WithoutImageRecord
from rateval.records.scores.chance import ChanceRecord
from rateval.records.scores.classes import AreaRecord, ClassesRecord
from rateval.records.scores.confidence import ConfidenceRecord
from rateval.records.scores.counterfactual import CounterfactualRecord
from rateval.records.scores.estimate import Estimate
from rateval.records.scores.explainers import AreasRecord, FaithfulnessRecord
from rateval.records.scores.groups import GroupRecord


class BoundsRecord(Record):
    """What a score would be over all images, those without a mask among them.

    Null is what is undefined: its denominator is 0. Over seeds these are means, and null where they
    are null for any seed.
    """

    none_valid: float | None
    """If the evidence of no image without a mask was valid."""
    all_valid: float | None
    """If that of every image without a mask was valid."""
    least: float | None
    """The lowest that it can be, whatever their evidence is."""
    greatest: float | None
    """The highest that it can be."""


class ScoreRecord(Record):
    """One metric of one cell, or of cells that differ in their seed only."""

    metric: str
    """Label of the metric in the spec."""
    heading: str
    """Short heading of its column."""
    value: Estimate
    change: Estimate | None = None
    """Value minus that of zero-shot by the same seed of the same study; null when either is
    undefined (by every seed) or this is zero-shot itself. By one seed it has no interval."""
    soft: Estimate | None = None
    """The same score where an answer is right to the share of people who gave it; null where
    answers are right or wrong, and over seeds."""
    bounds: BoundsRecord | None = None
    """Null where every image has a mask, or the score counts predictions alone."""
    groups: tuple[GroupRecord, ...] = ()
    """The same score by each group of the dataset, over the images that have each of its values."""
    classes: ClassesRecord | None = None
    """The same score by class; null where it is no share of images."""
    areas: tuple[AreaRecord, ...] = ()
    """The same score by thirds of the images by how much of them their mask fills, the smallest
    first; empty without masks of three sizes, and over seeds whose masks differ."""


class AssociationRecord(Record):
    """Whether valid evidence goes with correct predictions, over images of known evidence.

    PT lies above the share of valid evidence, and IR above accuracy, where it does.
    """

    valid: Estimate
    """Share of images with valid evidence, right or wrong: what PT would be if it said nothing."""
    difference: Estimate
    """That share among correct predictions minus that among wrong ones. It has the sign of PT minus
    the share of all, and of IR minus accuracy."""
    pt_beyond: float | None
    """PT minus the share of valid evidence; mean over the seeds."""
    ir_beyond: float | None
    """IR minus accuracy; mean over the seeds."""


class EvidenceRecord(Record):
    """What one validator says of one cell, or of cells that differ in their seed only."""

    validator: str
    """Label of the validator in the spec."""
    quadrants: dict[str, int | float]
    """Counts of RR, RW, WR and WW, prediction first, evidence second; mean over the seeds.

    RU and WU are there where they are not 0: images whose evidence is unknown, as they have no
    mask, or could not be edited. All counts together are the images judged.
    """
    undefined: dict[str, int]
    """Reason to the number of images without a score; the sum over the seeds. They count as not
    valid, but for those without a mask, which are in no quadrant; where predictions under edits
    were judged, none of them is in one."""
    scores: tuple[ScoreRecord, ...]
    """One per metric that could be computed, in the order of the spec."""
    association: AssociationRecord | None = None
    """Null where all or none of the images with known evidence are predicted correctly."""
    chance: ChanceRecord | None = None
    """Null where predictions under edits were judged, not maps, or it could not be computed."""
    mean_score: Estimate | None = None
    """Mean of the validator's scores over the images that have one, with Student's interval over
    images, or over seeds; null where ``chance`` is."""
    confidence: ConfidenceRecord | None = None
    """Null where predictions have no probabilities, or no image's evidence is known."""

    def score(self, metric: str) -> ScoreRecord | None:
        """Return the score by a metric's label; None when it could not be computed."""
        return next((score for score in self.scores if score.metric == metric), None)


class StoredEvidenceRecord(EvidenceRecord):
    """What one validator says of one cell, and where its verdicts are stored."""

    identity: str
    """Names the stored verdicts: ``store/judge/<identity>``."""
    curves: str | None = None
    """Names the stored counts by threshold: ``store/thresholds/<curves>``; null where there are
    none."""
    no_curves: str | None = None
    """Why there are none; null where they are there, or were not reached."""
    tables: dict[str, str] = Field(default_factory=dict)
    """Label of a metric to what names its tables by class and by group: ``store/score/<identity>``.
    Empty in records from before there were any."""


class CalibrationRecord(Record):
    """How far the confidence of a classifier can be trusted: the probability of its prediction."""

    error: Estimate
    """Expected calibration error over 15 bins of equal width, with the basic bootstrap's interval;
    over seeds Student's of the mean."""
    ability: Estimate
    """How often a right prediction has more confidence than a wrong one (AUROC), with DeLong's
    interval; undefined where all are right, or all are wrong."""


class SkippedRecord(Record):
    """A sample that was left out."""

    id: str
    reason: str
    """What is common to such samples, then, after a colon, what is this one's own."""
    damaged: bool = False
    """Whether its files are broken or missing, and not merely unfit."""


class ResultRecord(Record):
    """What is known of one cell, or of cells that differ in their seed only."""

    key: Key
    """Its name, by the labels of the spec."""
    count: int | float
    """Images judged; mean over the seeds."""
    evidence: tuple[EvidenceRecord, ...]
    """One per validator that could judge it, in the order of the spec."""
    faithfulness: AreasRecord | None = None
    """Null when the spec has no ``[faithfulness]``, or it could not be computed."""
    calibration: CalibrationRecord | None = None
    """Null where predictions have no probabilities, or no image was judged."""
    without_image: WithoutImageRecord | None = None
    """Null but for answers to questions."""
    captions: CaptionsRecord | None = None
    """Null but for captions."""

    def by(self, validator: str) -> EvidenceRecord | None:
        """Return what a validator, by its label, says; None when it could not judge."""
        return next((found for found in self.evidence if found.validator == validator), None)


class CellRecord(ResultRecord):
    """Results of one cell, and where they are stored."""

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
    assumed: tuple[str, ...] = ()
    """What no file says of the model's weights and was taken for granted, such as their
    activation."""
    evidence: tuple[StoredEvidenceRecord, ...]
    """One per validator that could judge it, in the order of the spec."""
    faithfulness: FaithfulnessRecord | None = None
    """Null when the spec has no ``[faithfulness]``, or it could not be computed."""
    counterfactual: CounterfactualRecord | None = None
    """Null when the spec has no ``[counterfactual]``, or it could not be computed."""
