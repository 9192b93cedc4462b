"""``rateval.score``: a run judged and counted anew, from what is stored of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from rateval.api.component import Context
from rateval.engine.anew.asked import Asked, plan_anew
from rateval.engine.anew.cells import find_stored, lay_out_stored
from rateval.engine.anew.sources import StoredSources
from rateval.engine.anew.standins import TAKEN, stand_for
from rateval.engine.failures import LOADING
from rateval.engine.graph import lay_out_steps
from rateval.engine.prepared import Prepared
from rateval.engine.runner import Runner
from rateval.engine.worker import open_store
from rateval.errors import Problem, RatevalError, SpecError
from rateval.machine.device import resolve_device
from rateval.machine.readers import resolve_readers
from rateval.plan.parts import Parts, list_entries
from rateval.plan.plan import Plan
from rateval.progress import Reporter
from rateval.records.about.parent import Basis, ParentRecord
from rateval.records.run import FILE_NAME, RunRecord, load
from rateval.records.scores.cell import CellRecord
from rateval.records.step import FailureRecord
from rateval.registry.registry import Registry
from rateval.scoring.units.clusters import BUILT_IN
from rateval.spec.document import Document
from rateval.store.adopting import adopt, holds
from rateval.store.rows import read_groups
from rateval.store.store import Store, Stored
from rateval.store.tables.samples import has_samples
from rateval.wording import list_some, meant
from rateval.workbench.bench import Workbench
from rateval.workbench.build import require_factories

CALL = "rateval.score"
"""What messages and records call a call from Python."""
_AFTER = ("judge", "score", "thresholds", "agree", "pictures", "tokens")
"""Stages that are done anew; what failed in them may come out well now."""


def score(
    run: str | Path | RunRecord,
    *,
    validators: Parts | None = None,
    metrics: Parts | None = None,
    add: bool = False,
    threshold: float | None = None,
    level: float | None = None,
    cluster: str | None = None,
    correction: Literal["holm", "none"] | None = None,
    margin: float | None = None,
    keep: float | None = None,
    trackers: Parts | None = None,
    into: str | Path | None = None,
    device: str | None = None,
    reporter: Reporter | None = None,
    registry: Registry | None = None,
) -> RunRecord:
    """Judge and count anew what a run stored, and return the new run's record, kept beside it.

    No model is made and no image read. ``validators`` and ``metrics`` are as in a spec: a name, a
    dict with ``use`` and params, or several; they take the place of the run's, or stand beside them
    with ``add``. ``threshold`` is for the run's own validators that have one. ``level``,
    ``cluster``, ``correction`` and ``margin`` are keys of ``[statistics]``, ``keep`` is that of
    ``[counterfactual]``; what is None is as in the run. ``trackers`` are told of the new run; those
    of the run itself are not. ``into`` is the folder of the new run and
    a store of its own, to which maps and rows are copied; ``device`` is where validators compute.
    Raises SpecError with everything that is wrong with what is asked for, and RatevalError when the
    run goes on, or what it stored is gone; both before anything is computed.
    """
    from rateval.registry.discovery import discover

    given = {"level": level, "cluster": cluster, "correction": correction, "margin": margin}
    statistics = {key: value for key, value in given.items() if value is not None}
    data: dict[str, Any] = {
        table: list_entries(CALL, argument, parts)
        for table, argument, parts in (
            ("evidence", "validators", validators),
            ("metric", "metrics", metrics),
            ("tracker", "trackers", trackers),
        )
        if parts is not None
    }
    data |= {"statistics": statistics} if statistics else {}
    data |= {} if keep is None else {"counterfactual": {"keep": keep}}
    options = {"output": into, "device": device}
    asked = Asked(
        CALL,
        [Document(CALL, data, "")],
        add=add,
        threshold=threshold,
        options={key: str(value) for key, value in options.items() if value is not None},
    )
    return score_anew(run, asked, registry or discover(), reporter or Reporter())


def score_anew(
    given: str | Path | RunRecord, asked: Asked, registry: Registry, reporter: Reporter
) -> RunRecord:
    """Judge and count anew what a run stored; return the new run's record.

    Raises RatevalError before anything is done where what is asked for is wrong, the run goes on
    or holds no predictions, or what it stored is gone or damaged.
    """
    record = given if isinstance(given, RunRecord) else load(given)
    _require_results(record)
    plan = plan_anew(record, asked, registry)
    cells = lay_out_stored(record, plan.choices)
    plan = replace(plan, cells=tuple(cells))
    prepared = _prepare(record, plan, asked, reporter)
    return Runner(plan, registry, reporter, prepared=prepared).run()


def _prepare(record: RunRecord, plan: Plan, asked: Asked, reporter: Reporter) -> Prepared:
    options, judges = plan.spec.run, (*plan.validators, *plan.metrics)
    device, readers = resolve_device(options.device), resolve_readers(options.readers)
    bench = Workbench(Context(device=device, readers=readers))
    require_factories(judges)
    for choice in plan.datasets:
        for told in record.datasets:
            if told.name == choice.label:
                bench.stand_in(choice, told.seed, stand_for(told))
    sources = StoredSources(record, edits=any(choice.by_edits for choice in judges))
    there = [cell for cell in plan.cells if find_stored(record, cell) is not None]
    graph = lay_out_steps(plan, bench, sources, there)
    sources.require_all()
    _require_cluster(record, plan, asked)
    store = open_store(plan, reporter.warn)
    return Prepared(
        bench,
        store,
        graph,
        frozenset(sources.taken),
        dict(_take(record, sources.stored, store)),
        Basis(
            _describe_parent(record, asked),
            {table: record.spec_resolved.get(table, ()) for table in TAKEN},
            record.datasets,
            tuple(failure for failure in record.failures if not _is_done_anew(failure)),
        ),
    )


def _take(
    record: RunRecord, stored: Mapping[str, Stored], store: Store
) -> Iterator[tuple[str, Stored]]:
    """Yield the results of a run, after copying into another store what a reader may ask for."""
    elsewhere = store.root.resolve() != (record.path.parent / "store").resolve()
    for identity, found in stored.items():
        copied = elsewhere and found.stage != "finetune" and holds(found)
        yield identity, adopt(store, found) if copied else found


def _describe_parent(record: RunRecord, asked: Asked) -> ParentRecord:
    content = (record.path / FILE_NAME).read_bytes()
    return ParentRecord(
        path=record.place,
        started=record.started,
        digest=hashlib.sha256(content).hexdigest(),
        spec_name=record.spec_name,
        asked=asked.words,
    )


def _is_done_anew(failure: FailureRecord) -> bool:
    judging = failure.label.startswith(("validator ", "metric "))
    return failure.stage in _AFTER or (failure.stage == LOADING and judging)


def _require_results(record: RunRecord) -> None:
    """Raise RatevalError where a run has nothing that can be scored."""
    if record.status == "running":
        raise RatevalError(
            f"{record.place}: the run goes on, or ended without a word; wait for it, or go on "
            f"with: {record.command}"
        )
    if any("component" not in entry for entry in record.spec_resolved.get("attribution", ())):
        raise RatevalError(
            f"{record.place}: holds predictions and verdicts that were read from files, and "
            "neither maps nor masks that could be judged anew; give a run that explained its "
            "images itself"
        )
    if not record.cells:
        raise RatevalError(
            f"{record.place}: no cell of this run was predicted and explained, so that there is "
            f"nothing to score; run again: {record.command}"
        )


def _require_cluster(record: RunRecord, plan: Plan, asked: Asked) -> None:
    """Raise SpecError where images are to be clustered by a group that a dataset doesn't have."""
    name = plan.spec.statistics.cluster
    if name in BUILT_IN and name != "class":
        return
    for cell in record.cells:
        folder = record.path.parent / "store" / "infer" / cell.identity
        if name == "class":
            _require_one_unit(folder, cell, asked)
            continue
        groups = read_groups(folder).column_names
        if name not in groups:
            there = f"it has {list_some(groups)}" if groups else "it has none"
            advice = meant(name, [*BUILT_IN, *groups])
            advice = advice or 'give "class", "sample", "none" or one of its groups'
            where = f'{asked.name}: statistics.cluster = "{name}"'
            what = f'the dataset "{cell.key.dataset}" has no such group, {there}; {advice}'
            raise SpecError([Problem(where, what)])


def _require_one_unit(inferred: Path, cell: CellRecord, asked: Asked) -> None:
    """Raise SpecError where a sample has units of several classes, which no class can stand for."""
    if has_samples(inferred):
        where = f'{asked.name}: statistics.cluster = "class"'
        what = f'the dataset "{cell.key.dataset}" has samples with units of several classes'
        advice = 'give "sample", "none" or a group of the dataset'
        raise SpecError([Problem(where, f"{what}; {advice}")])
