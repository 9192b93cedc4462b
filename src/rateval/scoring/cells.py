"""From stored results to the record of each cell, beside the zero-shot cell of the same test."""

from __future__ import annotations

from collections.abc import Sequence

from rateval.api.values import Score
from rateval.plan.plan import Plan
from rateval.records.cell import CellRecord, ScoreRecord, StoredEvidenceRecord
from rateval.records.counterfactual import CounterfactualRecord
from rateval.records.estimate import Estimate, estimate_share
from rateval.records.explainers import FaithfulnessRecord
from rateval.records.facts import (
    CounterfactualFacts,
    FaithfulnessFacts,
    FinetuneFacts,
    GroupFacts,
    InferFacts,
    JudgeFacts,
    ScoreFacts,
)
from rateval.records.groups import GroupRecord, SliceRecord
from rateval.scoring.comparing import Comparer, find_zero_shot
from rateval.scoring.judged import Judged
from rateval.stats.difference import Difference
from rateval.store.store import Stored


def record_cells(judged: Sequence[Judged], plan: Plan, comparer: Comparer) -> list[CellRecord]:
    """Return a record of each cell; changes are taken against the first untrained cell of its test.

    That is the one of the same seed, or the one that depends on no seed. What failed, or isn't
    there yet, is left out: a validator's evidence, a metric's score, a change.
    """
    zero_shot = find_zero_shot(judged)
    return [_record(done, zero_shot(done), plan, comparer) for done in judged]


def _record(done: Judged, baseline: Judged | None, plan: Plan, comparer: Comparer) -> CellRecord:
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
            _evidence(done, baseline, index, verdict, plan, comparer)
            for index, verdict in enumerate(done.verdicts)
            if verdict is not None
        ),
        counterfactual=_counterfactual(done.counterfactual),
        faithfulness=_faithfulness(done.faithfulness),
    )


def _evidence(
    done: Judged,
    baseline: Judged | None,
    index: int,
    verdict: Stored,
    plan: Plan,
    comparer: Comparer,
) -> StoredEvidenceRecord:
    theirs = (None,) * len(plan.metrics) if baseline is None else baseline.scores[index]
    changes = [
        None if baseline is None or before is None else comparer.change(done, baseline, index, at)
        for at, before in enumerate(theirs)
    ]
    facts = JudgeFacts.model_validate(verdict.facts)
    return StoredEvidenceRecord(
        validator=plan.validators[index].label,
        identity=verdict.identity,
        quadrants=facts.quadrants,
        undefined=facts.undefined,
        scores=tuple(
            _score(metric.label, score, before, change)
            for metric, score, before, change in zip(
                plan.metrics, done.scores[index], theirs, changes, strict=True
            )
            if score is not None
        ),
    )


def _score(
    metric: str, stored: Stored, baseline: Stored | None, paired: Difference | None
) -> ScoreRecord:
    facts = ScoreFacts.model_validate(stored.facts)
    theirs = None if baseline is None else ScoreFacts.model_validate(baseline.facts)
    value = estimate_share(facts.numerator, facts.denominator)
    change = None if theirs is None else _change(value, _value(theirs), paired)
    return ScoreRecord(
        metric=metric,
        heading=facts.heading,
        value=value,
        change=change,
        bounds=facts.bounds,
        groups=tuple(map(_group, facts.groups)),
    )


def _group(facts: GroupFacts) -> GroupRecord:
    slices = tuple(
        SliceRecord(
            value=found.value,
            count=found.count,
            score=estimate_share(found.numerator, found.denominator),
        )
        for found in facts.slices
    )
    return GroupRecord(name=facts.name, distinct=facts.distinct, slices=slices)


def _change(ours: Estimate, theirs: float | None, paired: Difference | None) -> Estimate | None:
    """Return a change; without an interval where a metric is no sum over images."""
    if ours.value is None or theirs is None:
        return None
    return Estimate(
        value=ours.value - theirs,
        low=None if paired is None else paired.low,
        high=None if paired is None else paired.high,
        over="images",
        count=ours.count,
        p=None if paired is None else paired.p,
        few=paired is not None and not paired.enough,
    )


def _value(facts: ScoreFacts) -> float | None:
    return Score.share(facts.numerator, facts.denominator).value


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
