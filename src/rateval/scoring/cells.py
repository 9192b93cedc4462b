"""Score the judged cells of a run, each beside the zero-shot cell of the same test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rateval.plan.plan import Plan
from rateval.records.cell import CellRecord, SkippedRecord, StoredEvidenceRecord
from rateval.records.estimate import Estimate
from rateval.records.explainers import FaithfulnessRecord
from rateval.records.key import Labels
from rateval.scoring.judged import Judged
from rateval.stages.score import score
from rateval.store.store import Stored
from rateval.workbench.bench import Workbench

ReuseOrMake = Callable[[str, str, Mapping[str, Any], Callable[[Path], Mapping[str, Any]]], Stored]
"""(stage, label, inputs, compute) to a stored result."""


def score_cells(
    judged: Sequence[Judged], plan: Plan, bench: Workbench, reuse_or_make: ReuseOrMake
) -> list[CellRecord]:
    """Score every judged cell; changes are taken against the first untrained cell of its test.

    That is the one of the same seed, or the one that depends on no seed.
    """
    zero_shot: dict[tuple[Labels, int | None], Judged] = {}
    for done in judged:
        if not done.finetuned.facts["trained"]:
            zero_shot.setdefault((done.cell.key.test, done.cell.seed), done)
    records = []
    for done in judged:
        test = done.cell.key.test
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
) -> StoredEvidenceRecord:
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
        scores = score(metrics, outcomes, None if baseline is None else baseline.outcomes(index))
        return {
            "quadrants": outcomes.quadrants(),
            "scores": [record.model_dump(mode="json") for record in scores],
        }

    label = f"{done.cell.label} by {choice.label}"
    stored = reuse_or_make("score", label, inputs, compute)
    return StoredEvidenceRecord(
        validator=choice.label,
        identity=verdict.identity,
        undefined=verdict.facts["undefined"],
        **stored.facts,
    )


def _record(done: Judged, evidence: tuple[StoredEvidenceRecord, ...]) -> CellRecord:
    facts = done.inferred.facts
    return CellRecord(
        key=done.cell.key,
        trained=done.finetuned.facts["trained"],
        identity=done.inferred.identity,
        classifier=done.finetuned.identity,
        count=facts["count"],
        skipped=tuple(SkippedRecord(**skipped) for skipped in facts["skipped"]),
        skipped_in_training=tuple(
            SkippedRecord(**skipped) for skipped in done.finetuned.facts["skipped"]
        ),
        evidence=evidence,
        faithfulness=_faithfulness(done.probed),
    )


def _faithfulness(probed: Stored | None) -> FaithfulnessRecord | None:
    if probed is None:
        return None
    facts = dict(probed.facts)
    count = facts["count"] - sum(facts["undefined"].values())
    for name in ("deletion_gain", "insertion_gain"):
        facts[name] = facts[name] and Estimate(**facts[name], over="images", count=count)
    return FaithfulnessRecord(identity=probed.identity, **facts)
