"""What ``run.json`` says of the explainers themselves, so that no verdict hangs on one of them."""

from __future__ import annotations

from rateval.records.base import Record
from rateval.records.key import ClassifierKey, Key
from rateval.records.scores.estimate import Estimate
from rateval.records.shift import Shifted

SAME_MAPS = 0.9
"""Mean rank correlation from which on maps count as the same with randomised weights."""


class RandomisationRecord(Record):
    """How alike maps are by the image tower's weights and by the same weights permuted."""

    correlation: float | None
    """Mean Spearman correlation over the images; null when it is defined for none of them."""
    count: int
    """Images where it is defined: neither map is constant."""

    @property
    def ignores_weights(self) -> bool:
        """Whether the maps are so alike that they cannot tell anything about the weights."""
        return self.correlation is not None and self.correlation >= SAME_MAPS


COMPLETE = 0.05
"""Share of its score difference up to which an image's attributions count as complete, and share of
images beyond it from which on a report says so."""


class CompletenessRecord(Record):
    """How far attributions that promise a sum are from it: the integral was not taken exactly."""

    count: int
    """Images with attributions."""
    gap: float
    """Mean of the absolute gap between the attributions' sum and the score difference, in units
    of the score."""
    largest: float
    """Largest gap of an image."""
    difference: float
    """Mean of the absolute score difference between image and baseline."""
    beyond: int
    """Images whose gap is larger than 5 % of their own score difference."""

    @property
    def is_poor(self) -> bool:
        """Whether more than 5 % of the images are beyond."""
        return self.beyond > COMPLETE * self.count


class AreasRecord(Record):
    """How the prediction's probability follows relevance maps.

    Areas lie in [0, 1]; they are null when no image's curves are defined.
    """

    deletion: float | None
    """Mean area under the probability while the most relevant patches are taken out first."""
    insertion: float | None
    """Mean area under the probability while the most relevant patches are put in first."""
    chance: float | None
    """Mean area by a random order of the patches, be they taken out or put in: a faithful
    explainer's deletion lies below it, its insertion above."""
    deletion_gain: Estimate | None
    """Chance minus deletion, mean over the images: above 0 when it is better than chance."""
    insertion_gain: Estimate | None
    """Insertion minus chance, likewise."""
    randomisation: RandomisationRecord | None
    """Null when the spec says ``randomisation = false``."""


class FaithfulnessRecord(AreasRecord):
    """How the prediction's probability follows the relevance maps of one cell."""

    identity: str
    """Names the curves of each image: ``store/faithfulness/<identity>``."""
    count: int
    """Images looked at, drawn from those of the test split."""
    undefined: dict[str, int]
    """Reason to the number of those without curves; they are in no area."""


class VerdictAgreementRecord(Record):
    """How often one validator judges the maps of two explainers alike."""

    validator: str
    value: float | None
    """Share of equal verdicts; null when the denominator is 0."""
    numerator: int
    denominator: int
    """Images with a score by both explainers."""
    kappa: Estimate | None = None
    """Cohen's kappa, the agreement beyond chance; null where both say the same of all images, and
    while the run goes on."""


class AgreementRecord(Record):
    """How far two explainers agree on one classifier and one test.

    With several seeds that is one classifier and test per seed, and the images of all of them.
    """

    first: Key
    """Name of a cell, without a seed."""
    second: Key
    """Name of a cell that differs in its attribution only, a later one of the spec."""
    correlation: float | None
    """Mean Spearman correlation of the patch maps; null when it is defined for no image."""
    count: int
    """Images where it is defined: neither map is constant."""
    verdicts: tuple[VerdictAgreementRecord, ...]


class RankingChangeRecord(Record):
    """Two methods whose order by one metric depends on the explainer."""

    first: ClassifierKey
    """Name of what a method makes of a model, without a seed."""
    second: ClassifierKey
    """Name of what another one makes of the same model."""
    shift: Shifted
    """Of the test on which they are compared."""
    validator: str
    metric: str
    """Label of the metric in the spec."""
    heading: str
    """Short heading of its column."""
    first_above: tuple[str, ...]
    """Attributions by which the first method's value is higher; never empty."""
    second_above: tuple[str, ...]
    """Attributions by which the second method's value is higher; never empty."""
    clear: bool
    """True when the paired interval of their difference leaves out 0 by at least one attribution on
    each side. With several seeds values are means over them."""
