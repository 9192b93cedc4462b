"""From stored results to the record of each cell, beside the zero-shot cell of the same test."""

from __future__ import annotations

from collections.abc import Sequence

from rateval.api.values import Score
from rateval.plan.plan import Plan
from rateval.records.cell import CellRecord, ScoreRecord, StoredEvidenceRecord
from rateval.records.estimate import Estimate, estimate_share
from rateval.records.explainers import FaithfulnessRecord
from rateval.records.facts import (
    FaithfulnessFacts,
    FinetuneFacts,
    GroupFacts,
    InferFacts,
    JudgeFacts,
    ScoreFacts,
)
from rateval.records.groups import GroupRecord, SliceRecord
from rateval.records.key import Labels
from rateval.scoring.judged import Judged
from rateval.store.store import Stored


def record_cells(judged: Sequence[Judged], plan: Plan) -> list[CellRecord]:
    """Return a record of each cell; changes are taken against the first untrained cell of its test.

    That is the one of the same seed, or the one that depends on no seed. What failed, or isn't
    there yet, is left out: a validator's evidence, a metric's score, a change.
    """
    zero_shot: dict[tuple[Labels, int | None], Judged] = {}
    for done in judged:
        if not FinetuneFacts.model_validate(done.finetuned.facts).trained:
            zero_shot.setdefault((done.cell.key.test, done.cell.seed), done)
    records = []
    for done in judged:
        test = done.cell.key.test
        found = zero_shot.get((test, done.cell.seed)) or zero_shot.get((test, None))
        records.append(_record(done, None if found is done else found, plan))
    return records


def _record(done: Judged, baseline: Judged | None, plan: Plan) -> CellRecord:
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
            _evidence(done, baseline, index, verdict, plan)
            for index, verdict in enumerate(done.verdicts)
            if verdict is not None
        ),
        faithfulness=_faithfulness(done.faithfulness),
    )


def _evidence(
    done: Judged, baseline: Judged | None, index: int, verdict: Stored, plan: Plan
) -> StoredEvidenceRecord:
    theirs = (None,) * len(plan.metrics) if baseline is None else baseline.scores[index]
    facts = JudgeFacts.model_validate(verdict.facts)
    return StoredEvidenceRecord(
        validator=plan.validators[index].label,
        identity=verdict.identity,
        quadrants=facts.quadrants,
        undefined=facts.undefined,
        scores=tuple(
            _score(metric.label, score, before)
            for metric, score, before in zip(plan.metrics, done.scores[index], theirs, strict=True)
            if score is not None
        ),
    )


def _score(metric: str, stored: Stored, baseline: Stored | None) -> ScoreRecord:
    facts = ScoreFacts.model_validate(stored.facts)
    theirs = None if baseline is None else ScoreFacts.model_validate(baseline.facts)
    value = estimate_share(facts.numerator, facts.denominator)
    change = None if theirs is None else _change(value, _value(theirs))
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


def _change(ours: Estimate, theirs: float | None) -> Estimate | None:
    if ours.value is None or theirs is None:
        return None
    change = ours.value - theirs
    return Estimate(value=change, low=None, high=None, over="images", count=ours.count)


def _value(facts: ScoreFacts) -> float | None:
    return Score.share(facts.numerator, facts.denominator).value


def _faithfulness(stored: Stored | None) -> FaithfulnessRecord | None:
    if stored is None:
        return None
    facts = FaithfulnessFacts.model_validate(stored.facts)
    return FaithfulnessRecord(identity=stored.identity, **dict(facts))
