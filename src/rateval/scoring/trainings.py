"""Collect the training curves of a run, one per classifier."""

from __future__ import annotations

from collections.abc import Iterable

from rateval.records.trainings import CurveRecord, EpochRecord
from rateval.scoring.judged import Judged


def collect_curves(judged: Iterable[Judged]) -> tuple[CurveRecord, ...]:
    """Return the curve of each classifier that was trained, in the order of the cells."""
    curves: dict[str, CurveRecord] = {}
    for done in judged:
        epochs = done.finetuned.facts["curve"]
        if epochs and done.finetuned.identity not in curves:
            curves[done.finetuned.identity] = CurveRecord(
                classifier=done.finetuned.identity,
                key=done.cell.key.classifier,
                epochs=tuple(EpochRecord(**epoch) for epoch in epochs),
                told=done.finetuned.facts["told"],
            )
    return tuple(curves.values())
