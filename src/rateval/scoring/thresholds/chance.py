"""What chance makes valid, and the mean score, from what the stage ``thresholds`` found."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import mean
from typing import Any

from rateval.records.facts import BoxesFacts, MeanFacts, PairsFacts, ThresholdsFacts
from rateval.records.scores.cell import EvidenceRecord
from rateval.records.scores.chance import BoxesRecord, ChanceRecord
from rateval.records.scores.estimate import Estimate, estimate_share, spread
from rateval.stats.student import t_quantile
from rateval.stats.wilson import wilson_interval
from rateval.store.store import Stored


def record_chance(stored: Stored | None, level: float, *, by_edits: bool) -> dict[str, Any]:
    """Return the fields of a cell's evidence that ``thresholds`` fills; none where it is not there.

    Of a validator that judges predictions under edits the reason alone is told.

    Intervals are over images, also where a study asks for clusters: chance is no claim about them.
    """
    if by_edits:
        return {"no_curves": "answers to edits are judged, and no maps"}
    if stored is None:
        return {}
    facts = ThresholdsFacts.model_validate(stored.facts)
    return {
        "chance": ChanceRecord(
            others=_share(facts.others, level),
            uniform=_share(facts.uniform, level),
            centre=_share(facts.centre, level),
            boxes=_in_boxes(facts.boxes, level),
            uniform_undefined=facts.uniform.undefined,
        ),
        "mean_score": _mean(facts.mean_score, level),
        "curves": stored.identity if facts.no_curves is None else None,
        "no_curves": facts.no_curves,
    }


def _in_boxes(facts: BoxesFacts | None, level: float) -> BoxesRecord | None:
    if facts is None:
        return None
    return BoxesRecord(
        every=_share(facts.every, level),
        right=_share(facts.right, level),
        per_image=facts.per_image,
    )


def _share(facts: PairsFacts, level: float) -> Estimate:
    """Return a share of pairs with Wilson's interval of as many as they are worth."""
    found = estimate_share(facts.numerator, facts.denominator, level)
    if found.value is None:
        return found
    low, high = wilson_interval(found.value * facts.worth, facts.worth, level)
    return found.model_copy(update={"low": low, "high": high})


def _mean(facts: MeanFacts, level: float) -> Estimate:
    ends: tuple[float | None, float | None] = (None, None)
    if facts.value is not None and facts.sd is not None:
        half = t_quantile(facts.count - 1, level) * facts.sd / sqrt(facts.count)
        ends = facts.value - half, facts.value + half
    return Estimate(value=facts.value, low=ends[0], high=ends[1], over="images", count=facts.count)


def chance_over_seeds(repeated: Sequence[EvidenceRecord | None], level: float) -> dict[str, Any]:
    """Return these fields over seeds; one seed alone says what its images say."""
    there = [found for found in repeated if found is not None and found.chance is not None]
    if not there:
        return {}
    if len(there) == 1:
        return {"chance": there[0].chance, "mean_score": there[0].mean_score}
    chances = [None if found is None else found.chance for found in repeated]
    scores = [None if found is None else found.mean_score for found in repeated]

    def over(name: str) -> Estimate:
        values = [None if found is None else getattr(found, name).value for found in chances]
        return spread(values, level).cut(0)

    return {
        "chance": ChanceRecord(
            others=over("others"),
            uniform=over("uniform"),
            centre=over("centre"),
            boxes=_boxes_over_seeds(chances, level),
            uniform_undefined=mean(f.uniform_undefined for f in chances if f is not None),
        ),
        "mean_score": spread([None if one is None else one.value for one in scores], level),
    }


def _boxes_over_seeds(chances: Sequence[ChanceRecord | None], level: float) -> BoxesRecord | None:
    """Return the shares in random boxes over seeds; None where no seed has any."""
    found = [None if chance is None else chance.boxes for chance in chances]
    per_image = [one.per_image for one in found if one is not None]
    if not per_image:
        return None

    def over(name: str) -> Estimate:
        values = [None if one is None else getattr(one, name).value for one in found]
        return spread(values, level).cut(0)

    return BoxesRecord(every=over("every"), right=over("right"), per_image=min(per_image))
