"""One study by two protocols, compared on the images that both have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rateval.api.component import Context
from rateval.plan.cells import Cell
from rateval.plan.plan import Plan
from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord, StoredEvidenceRecord
from rateval.records.scores.estimate import Estimate
from rateval.records.scores.grouping import group_by
from rateval.scoring.comparing import Comparer
from rateval.scoring.judged import Judged
from rateval.store.store import Stored
from rateval.workbench.bench import Workbench

Differences = dict[tuple[Key, str, str], Estimate]
"""Row, label of a validator and of a metric to the second protocol's score minus the first's."""


def compare_protocols(plans: Sequence[Plan], records: Sequence[RunRecord]) -> Differences:
    """Return the paired differences of the second run and the first, over seeds as rows are."""
    plan, several = plans[0], len(plans[0].seeds) > 1
    comparer = Comparer(plan, Workbench(Context()))
    one, other = (
        {done.cell.key: done for done in _judged(*run)} for run in zip(plans, records, strict=True)
    )
    found: Differences = {}
    both = [key for key in one if key in other]
    for keys in group_by(both, lambda key: key.seedless if several else key):
        row = keys[0].seedless if several else keys[0]
        pairs = [(other[key], one[key]) for key in keys]
        if not all(comparer.share_test(*pair) for pair in pairs):
            continue  # other data than matched has, or other samples of them
        for at, validator in enumerate(plan.validators):
            compared = comparer.compare_seeds(pairs, at)
            for metric, difference in zip(plan.metrics, compared, strict=True):
                if difference is not None:
                    count = len(pairs)
                    found[row, validator.label, metric.label] = difference.estimate(count)
    return found


def _judged(plan: Plan, record: RunRecord) -> Iterator[Judged]:
    """Yield the cells of a run as the stages left them."""
    cells = {cell.key: cell for cell in plan.cells}
    store = record.path.parent / "store"
    yield from (_find(cells[done.key], done, plan, store) for done in record.cells)


def _find(cell: Cell, done: CellRecord, plan: Plan, store: Path) -> Judged:
    by_label = {found.validator: found for found in done.evidence}
    evidence = [by_label.get(validator.label) for validator in plan.validators]
    return Judged(
        cell,
        _stored(store, "finetune", done.classifier),
        _stored(store, "infer", done.identity),
        tuple(None if one is None else _stored(store, "judge", one.identity) for one in evidence),
        tuple(tuple(_scores(one, plan, store)) for one in evidence),
        tuple(None for _ in evidence),
        None
        if done.counterfactual is None
        else _stored(store, "counterfactual", done.counterfactual.identity),
    )


def _scores(
    evidence: StoredEvidenceRecord | None, plan: Plan, store: Path
) -> Iterator[Stored | None]:
    """Yield what says of each metric that it could be computed."""
    for metric in plan.metrics:
        there = evidence is not None and evidence.score(metric.label) is not None
        yield _stored(store, "score", "") if there else None


def _stored(store: Path, stage: str, identity: str) -> Stored:
    return Stored(stage, identity, store / stage / identity, {}, reused=True, seconds=0.0)
