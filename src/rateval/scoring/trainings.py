"""The training curves of a run, one per classifier."""

from __future__ import annotations

from collections.abc import Iterable

from rateval.records.about.trainings import CurveRecord
from rateval.records.facts import FinetuneFacts
from rateval.scoring.judged import Judged


def collect_curves(judged: Iterable[Judged]) -> tuple[CurveRecord, ...]:
    """Return the curve of each classifier that was trained, in the order of the cells."""
    curves: dict[str, CurveRecord] = {}
    for done in judged:
        facts = FinetuneFacts.model_validate(done.finetuned.facts)
        if facts.curve and done.finetuned.identity not in curves:
            curves[done.finetuned.identity] = CurveRecord(
                classifier=done.finetuned.identity,
                key=done.cell.key.classifier,
                epochs=facts.curve,
                told=facts.told,
            )
    return tuple(curves.values())
