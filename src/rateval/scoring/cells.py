"""From stored results to the record of each cell, beside the zero-shot cell of the same test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rateval.api.values import Score
from rateval.records.facts import (
    CounterfactualFacts,
    FaithfulnessFacts,
    FinetuneFacts,
    GroupFacts,
    InferFacts,
    JudgeFacts,
    ScoreFacts,
)
from rateval.records.scores.cell import CellRecord, ScoreRecord, StoredEvidenceRecord
from rateval.records.scores.classes import AreaRecord, ClassesRecord
from rateval.records.scores.counterfactual import CounterfactualRecord
from rateval.records.scores.estimate import Estimate, estimate_share
from rateval.records.scores.explainers import FaithfulnessRecord
from rateval.records.scores.groups import GroupRecord, SliceRecord
from rateval.scoring.answers.blind import count_without_image
from rateval.scoring.answers.captions import count_captions
from rateval.scoring.answers.soft import estimate_soft
from rateval.scoring.association import associate
from rateval.scoring.calibration import Calibrations
from rateval.scoring.compared import Compared
from rateval.scoring.comparing import Comparer, find_zero_shot
from rateval.scoring.judged import Judged
from rateval.scoring.slices.by_area import slice_by_area
from rateval.scoring.slices.by_class import slice_by_class
from rateval.scoring.thresholds.chance import record_chance
from rateval.store.store import Stored


def record_cells(
    judged: Sequence[Judged], comparer: Comparer, calibrations: Calibrations
) -> list[CellRecord]:
    """Return a record of each cell; changes are taken against the first untrained cell of its test.

    That is the one of the same seed, or the one that depends on no seed. What failed, or isn't
    there yet, is left out: a validator's evidence, a metric's score, a change.
    """
    zero_shot = find_zero_shot(judged)
    return [_record(done, zero_shot(done), comparer, calibrations) for done in judged]


def _record(
    done: Judged,
    baseline: Judged | None,
    comparer: Comparer,
    calibrations: Calibrations,
) -> CellRecord:
    facts = InferFacts.model_validate(done.inferred.facts)
    training = FinetuneFacts.model_validate(done.finetuned.facts)
    return CellRecord(
        key=done.cell.key,
        trained=training.trained,
        identity=done.inferred.identity,
        classifier=done.finetuned.identity,
        count=facts.count,
        skipped=facts.skipped,
        skipped_in_training=training.skipped,
        assumed=training.assumed,
        evidence=tuple(
            _evidence(done, baseline, index, verdict, comparer).model_copy(
                update={"confidence": calibrations.by_quadrant(done, index)}
            )
            for index, verdict in enumerate(done.verdicts)
            if verdict is not None
        ),
        calibration=calibrations.of(done),
        without_image=count_without_image(done, comparer),
        captions=count_captions(done, comparer),
        counterfactual=_counterfactual(done.counterfactual),
        faithfulness=_faithfulness(done.faithfulness),
    )


def _evidence(
    done: Judged,
    baseline: Judged | None,
    index: int,
    verdict: Stored,
    comparer: Comparer,
) -> StoredEvidenceRecord:
    facts = JudgeFacts.model_validate(verdict.facts)
    return StoredEvidenceRecord(
        validator=comparer.plan.validators[index].label,
        identity=verdict.identity,
        quadrants=facts.quadrants,
        undefined=facts.undefined,
        tables={
            metric.label: score.identity
            for metric, score in zip(comparer.plan.metrics, done.scores[index], strict=True)
            if score is not None
        },
        scores=tuple(_scores(done, baseline, index, comparer)),
        association=associate(comparer, [done], index),
        **record_chance(
            done.thresholds[index],
            comparer.level,
            by_edits=comparer.plan.validators[index].by_edits,
        ),
    )


def _scores(
    done: Judged, baseline: Judged | None, index: int, comparer: Comparer
) -> Iterator[ScoreRecord]:
    """Yield the scores by one validator that could be computed."""
    metrics = comparer.plan.metrics
    changes: list[Compared | None] = [None for _ in metrics]
    before: Sequence[Stored | None] = [None for _ in metrics]
    if baseline is not None:
        changes = comparer.compare(done, baseline, index)
        before = baseline.scores[index]
    for at, score in enumerate(done.scores[index]):
        if score is None:
            continue
        facts = ScoreFacts.model_validate(score.facts)
        value = _value(comparer, done, index, at, facts)
        classes, areas = _slice(comparer, done, index, at)
        yield ScoreRecord(
            metric=metrics[at].label,
            heading=facts.heading,
            value=value,
            change=_change(value, before[at], changes[at]),
            bounds=facts.bounds,
            groups=tuple(_group(group, comparer.level) for group in facts.groups),
            classes=classes,
            areas=areas,
            soft=_soft(comparer, done, index, at),
        )


def _soft(comparer: Comparer, done: Judged, index: int, at: int) -> Estimate | None:
    images = comparer.images.read(done, index)
    ratio = None if images is None else images.soft_ratio(at)
    if images is None or ratio is None:
        return None
    return estimate_soft(ratio, images.cluster, comparer.level)


def _slice(
    comparer: Comparer, done: Judged, index: int, at: int
) -> tuple[ClassesRecord | None, tuple[AreaRecord, ...]]:
    images = comparer.images.read(done, index)
    ratio = None if images is None else images.ratio(at)
    if images is None or ratio is None:
        return None, ()
    return (
        slice_by_class(ratio, images.labels, comparer.images.classes(done), comparer.level),
        tuple(slice_by_area([ratio], images.areas, comparer.level)),
    )


def _value(comparer: Comparer, done: Judged, index: int, at: int, facts: ScoreFacts) -> Estimate:
    """Return a score with Wilson's interval, or the one that clusters leave."""
    value = estimate_share(facts.numerator, facts.denominator, comparer.level)
    if not comparer.clusters:
        return value
    found = comparer.value(done, index, at)
    ends = (None, None) if found is None else (found.low, found.high)
    return value.model_copy(update={"low": ends[0], "high": ends[1], "over": "clusters"})


def _group(facts: GroupFacts, level: float) -> GroupRecord:
    slices = tuple(
        SliceRecord(
            value=found.value,
            count=found.count,
            score=estimate_share(found.numerator, found.denominator, level),
        )
        for found in facts.slices
    )
    return GroupRecord(name=facts.name, distinct=facts.distinct, slices=slices)


def _change(ours: Estimate, before: Stored | None, paired: Compared | None) -> Estimate | None:
    """Return a change; without an interval where a metric is no sum over images."""
    if ours.value is None or before is None:
        return None
    if paired is not None:
        return paired.estimate(ours.count)
    facts = ScoreFacts.model_validate(before.facts)
    theirs = Score.share(facts.numerator, facts.denominator).value
    if theirs is None:
        return None
    return Estimate(value=ours.value - theirs, low=None, high=None, over="images", count=ours.count)


def _counterfactual(stored: Stored | None) -> CounterfactualRecord | None:
    if stored is None:
        return None
    facts = CounterfactualFacts.model_validate(stored.facts)
    return CounterfactualRecord(identity=stored.identity, **dict(facts))


def _faithfulness(stored: Stored | None) -> FaithfulnessRecord | None:
    if stored is None:
        return None
    facts = FaithfulnessFacts.model_validate(stored.facts)
    return FaithfulnessRecord(identity=stored.identity, **dict(facts))
