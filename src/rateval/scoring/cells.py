"""Score the judged cells of a run, each beside the zero-shot cell of the same test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rateval.plan.plan import Plan
from rateval.records.cell import CellRecord, EvidenceRecord, SkippedRecord
from rateval.records.explainers import FaithfulnessRecord
from rateval.scoring.judged import Judged
from rateval.stages.score import score
from rateval.store.store import Stored
from rateval.workbench.bench import Workbench
from rateval.workbench.cell import task_of

ReuseOrMake = Callable[[str, str, Mapping[str, Any], Callable[[Path], Mapping[str, Any]]], Stored]
"""(stage, label, inputs, compute) to a stored result."""


def score_cells(
    judged: Sequence[Judged], plan: Plan, bench: Workbench, reuse_or_make: ReuseOrMake
) -> list[CellRecord]:
    """Score every judged cell; changes are taken against the first untrained cell of its test.

    That is the one of the same seed, or the one that depends on no seed.
    """
    zero_shot: dict[tuple[tuple[str | None, ...], int | None], Judged] = {}
    for done in judged:
        if not done.finetuned.facts["trained"]:
            zero_shot.setdefault((done.cell.test_key, done.cell.seed), done)
    records = []
    for done in judged:
        test = done.cell.test_key
        found = zero_shot.get((test, done.cell.seed)) or zero_shot.get((test, None))
        baseline = None if found is done else found
        evidence = tuple(
            _score_evidence(done, baseline, index, plan, bench, reuse_or_make)
            for index in range(len(plan.validators))
        )
        records.append(_record(done, evidence))
    return records


def _score_evidence(
    done: Judged,
    baseline: Judged | None,
    index: int,
    plan: Plan,
    bench: Workbench,
    reuse_or_make: ReuseOrMake,
) -> EvidenceRecord:
    verdict = done.verdicts[index]
    choice, seed = plan.validators[index], done.cell.seed
    inputs = {
        "verdict": verdict.identity,
        "baseline": None if baseline is None else baseline.verdicts[index].identity,
        "metrics": [{"label": m.label} | bench.inputs(m, seed) for m in plan.metrics],
    }

    def compute(folder: Path) -> Mapping[str, Any]:
        outcomes = done.outcomes(index)
        metrics = {m.label: bench.object(m, seed) for m in plan.metrics}
        task = task_of(bench.object(done.cell.dataset, seed))
        theirs = None if baseline is None else baseline.outcomes(index)
        scores = score(task, metrics, outcomes, theirs)
        return {
            "quadrants": outcomes.quadrants(),
            "scores": [record.model_dump(mode="json") for record in scores],
        }

    label = f"{done.cell.label} by {choice.label}"
    stored = reuse_or_make("score", label, inputs, compute)
    return EvidenceRecord(
        validator=choice.label,
        identity=verdict.identity,
        undefined=verdict.facts["undefined"],
        **stored.facts,
    )


def _record(done: Judged, evidence: tuple[EvidenceRecord, ...]) -> CellRecord:
    cell, facts = done.cell, done.inferred.facts
    return CellRecord(
        dataset=cell.dataset.label,
        model=cell.model.label,
        finetuner=cell.finetuner.label,
        shift=cell.shift.label if cell.shift else None,
        attribution=cell.attribution.label,
        seed=cell.seed,
        trained=done.finetuned.facts["trained"],
        identity=done.inferred.identity,
        classifier=done.finetuned.identity,
        count=facts["count"],
        skipped=tuple(SkippedRecord(**skipped) for skipped in facts["skipped"]),
        skipped_in_training=tuple(
            SkippedRecord(**skipped) for skipped in done.finetuned.facts["skipped"]
        ),
        evidence=evidence,
        faithfulness=_faithfulness(done.faithfulness),
    )


def _faithfulness(found: Stored | None) -> FaithfulnessRecord | None:
    return None if found is None else FaithfulnessRecord(identity=found.identity, **found.facts)
