"""More pictures of a run that is over, from its record, its store and its data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from rateval.api.component import Context
from rateval.checkpoints.restore import resolve
from rateval.data.splits import limit_split
from rateval.engine.picturing.make import Picturing
from rateval.engine.picturing.steps import (
    Find,
    Study,
    list_recorded,
    list_steps,
    record_pictures,
)
from rateval.errors import RatevalError
from rateval.machine.readers import resolve_readers
from rateval.plan.cells import Choice
from rateval.progress import Reporter
from rateval.records.about.pictures import PicturesRecord
from rateval.records.run import RunRecord
from rateval.records.step import StageRecord, Step
from rateval.registry.registry import Registry
from rateval.store.remote.runs import Publisher
from rateval.store.store import Store
from rateval.workbench.bench import Workbench

LIVE = "rateval.evaluate"
"""What stands in the place of a spec's name where there was none."""


def make_pictures(
    record: RunRecord, count: int, registry: Registry, reporter: Reporter
) -> RunRecord:
    """Make pictures of ``count`` images of each dataset of a run; return the record that has them.

    They take the place of those in ``run.json``, whose own files stay in the store. Raises
    RatevalError when data or stored results are gone, or are others than those of the run.
    """
    if record.status == "running":
        raise RatevalError(
            f"{record.place}: the run goes on, or ended without a word; wait for it, or go on "
            f"with: {record.command}"
        )
    if LIVE in (record.spec_name, record.parent and record.parent.spec_name):
        raise RatevalError(
            f"{record.place}: the images of {LIVE} were handed over and lie nowhere; call it again "
            "with the same arguments"
        )
    bench = Workbench(Context(readers=resolve_readers("auto")))
    store = Store(record.path.parent / "store", tell=reporter.warn)

    @cache
    def find(table: str, label: str) -> Choice:
        return resolve(record, table, label, registry)

    steps = list_steps(_study(record, bench, find), list_recorded(record), count)
    if not steps:
        raise RatevalError(
            f"{record.place}: no cell has verdicts to draw images by; run again: {record.command}"
        )
    made: list[PicturesRecord] = []
    with store.using():  # nobody names the new ones before the record is saved
        for step in steps:
            facts = _make(Picturing(bench, store, find), step, record, reporter)
            made += record_pictures(step, facts, record.planned)
        changed = record.model_copy(update={"pictures": tuple(made)})
        changed.save(record.path, _read(record.path / "spec.toml"))
    Publisher(record.path).publish()
    return changed


def _study(record: RunRecord, bench: Workbench, find: Find) -> Study:
    limit, by = record.limit, record.limit_by or "share"

    def identify(choice: Choice, seed: int | None) -> str:
        told = next(
            one for one in record.datasets if one.name == choice.label and one.seed in (seed, None)
        )
        try:
            dataset = bench.object(choice, seed)
            found: str = limit_split(dataset.test, limit, by).identity
        except RatevalError as error:
            raise RatevalError(f'dataset "{choice.label}": {error}; no picture was made') from error
        if found != told.test_identity:
            raise RatevalError(
                f'dataset "{choice.label}": its test images are others than those of this run; put '
                f"the old ones back, or run again: {record.command}"
            )
        return found

    return Study(record.planned, find, bench.inputs, identify, limit, by)


def _make(
    picturing: Picturing, step: Step, record: RunRecord, reporter: Reporter
) -> Mapping[str, Any]:
    store = picturing.store
    for stage, identity in _reads(step):
        if store.find(stage, identity, whole=True) is None:
            raise RatevalError(
                f"{store.path_of(stage, identity)}: the stored result is gone or damaged; run "
                f"again: {record.command}"
            )
    with reporter.watch(step.stage, step.label) as monitor, store.reading(step.needs):
        stored = store.make(
            step.stage,
            step.inputs,
            lambda folder: picturing.make(step, monitor, folder).model_dump(mode="json"),
        )
    told = StageRecord(
        stage=step.stage,
        label=step.label,
        identity=step.identity,
        reused=stored.reused,
        seconds=stored.seconds,
    )
    reporter.finished(told, stored.facts.get("count"))
    return stored.facts


def _reads(step: Step) -> list[tuple[str, str]]:
    found = []
    for cell in step.inputs["cells"]:
        found.append(("infer", cell["inferred"]))
        found += [("judge", verdict["judged"]) for verdict in cell["verdicts"]]
    return found


def _read(path: Path) -> str:
    """Return the run's own copy of the spec; empty where it has none."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
