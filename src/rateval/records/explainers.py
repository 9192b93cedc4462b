"""What ``run.json`` says of the explainers themselves, so that no verdict hangs on one of them."""

from __future__ import annotations

from rateval.records.base import Record

SAME_MAPS = 0.9
"""Mean rank correlation from which on maps count as the same with randomised weights."""


class RandomisationRecord(Record):
    """Hold how alike maps are with the image tower's weights and with the same weights permuted."""

    correlation: float | None
    """Mean Spearman correlation over the images; null when it is defined for none of them."""
    count: int
    """Images where it is defined: neither map is constant."""

    @property
    def ignores_weights(self) -> bool:
        """Tell whether the maps are so alike that they cannot tell anything about the weights."""
        return self.correlation is not None and self.correlation >= SAME_MAPS


class GainRecord(Record):
    """Hold how much better than a random order the order by relevance is."""

    value: float
    """Mean over the images of the difference of the two areas, above 0 when it is better."""
    low: float | None
    """Lower end of its normal 95 % interval over the images, or of Student's over the seeds; null
    with one of them only."""
    high: float | None
    """Upper end of that interval."""

    @property
    def beats_chance(self) -> bool:
        """Tell whether the whole interval lies above 0."""
        return self.low is not None and self.low > 0


class AreasRecord(Record):
    """Hold how the prediction's probability follows relevance maps.

    Areas lie in [0, 1]; they are null when no image's curves are defined.
    """

    deletion: float | None
    """Mean area under the probability while the most relevant patches are taken out first."""
    insertion: float | None
    """Mean area under the probability while the most relevant patches are put in first."""
    chance: float | None
    """Mean area by a random order of the patches, be they taken out or put in: a faithful
    explainer's deletion lies below it, its insertion above."""
    deletion_gain: GainRecord | None
    """Chance minus deletion."""
    insertion_gain: GainRecord | None
    """Insertion minus chance."""
    randomisation: RandomisationRecord | None
    """Null when the spec says ``randomisation = false``."""


class FaithfulnessRecord(AreasRecord):
    """Hold how the prediction's probability follows the relevance maps of one cell."""

    identity: str
    """Names the curves of each image: ``store/faithfulness/<identity>``."""
    count: int
    """Images looked at, the first ones of the test split."""
    undefined: dict[str, int]
    """Reason to the number of those without curves; they are in no area."""


class VerdictAgreementRecord(Record):
    """Hold how often one validator judges the maps of two explainers alike."""

    validator: str
    value: float | None
    """Share of equal verdicts; null when the denominator is 0."""
    numerator: int
    denominator: int
    """Images with a score by both explainers."""


class AgreementRecord(Record):
    """Hold how far two explainers agree on one classifier and one test.

    With several seeds that is one classifier and test per seed, and the images of all of them.
    """

    dataset: str
    model: str
    finetuner: str
    shift: str | None
    first: str
    """Label of an attribution."""
    second: str
    """Label of a later attribution."""
    correlation: float | None
    """Mean Spearman correlation of the patch maps; null when it is defined for no image."""
    count: int
    """Images where it is defined: neither map is constant."""
    verdicts: tuple[VerdictAgreementRecord, ...]


class RankingChangeRecord(Record):
    """Name two methods whose order by one metric depends on the explainer."""

    dataset: str
    model: str
    shift: str | None
    validator: str
    metric: str
    """Label of the metric in the spec."""
    heading: str
    """Short heading of its column."""
    first: str
    """Label of a method."""
    second: str
    """Label of another one."""
    first_above: tuple[str, ...]
    """Attributions by which the first method's value is higher; never empty."""
    second_above: tuple[str, ...]
    """Attributions by which the second method's value is higher; never empty."""
    clear: bool
    """True when the two 95 % intervals lie apart by at least one attribution on each side. With
    several seeds values are means and intervals those of the mean, over the seeds."""
