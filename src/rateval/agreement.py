"""Compare explainers by pairs, each on the same classifier and the same test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from rateval.explainer_records import AgreementRecord, VerdictAgreementRecord
from rateval.plan import Plan
from rateval.scoring import Judged
from rateval.stages.agree import Explained, agree
from rateval.store import Store


def compare_explainers(
    judged: Sequence[Judged], plan: Plan, store: Store
) -> Iterator[AgreementRecord]:
    """Yield the agreement of each pair of attributions, in the order of the spec."""
    groups: dict[tuple[int, ...], list[Judged]] = {}
    for done in judged:
        cell = done.cell
        parts = (cell.dataset, cell.model, cell.finetuner, cell.shift)
        groups.setdefault(tuple(map(id, parts)), []).append(done)
    for group in groups.values():
        for first, second in combinations(group, 2):
            yield _record(first, second, plan, _compare(first, second, store))


def _compare(first: Judged, second: Judged, store: Store) -> Mapping[str, Any]:
    pair = (first, second)
    inputs = {
        "inferred": [done.inferred.identity for done in pair],
        "verdicts": [[verdict.identity for verdict in done.verdicts] for done in pair],
    }

    def compute(folder: Path) -> Mapping[str, Any]:
        explained = [
            Explained(done.inferred.path, [verdict.path for verdict in done.verdicts])
            for done in pair
        ]
        return agree(*explained)

    return store.reuse_or_make("agree", inputs, compute).facts


def _record(first: Judged, second: Judged, plan: Plan, facts: Mapping[str, Any]) -> AgreementRecord:
    cell = first.cell
    return AgreementRecord(
        dataset=cell.dataset.label,
        model=cell.model.label,
        finetuner=cell.finetuner.label,
        shift=cell.shift.label if cell.shift else None,
        first=cell.attribution.label,
        second=second.cell.attribution.label,
        correlation=facts["correlation"],
        count=facts["count"],
        verdicts=tuple(
            VerdictAgreementRecord(validator=choice.label, **share)
            for choice, share in zip(plan.validators, facts["verdicts"], strict=True)
        ),
    )
