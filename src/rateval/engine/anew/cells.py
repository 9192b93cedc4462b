"""The cells of a run that is scored anew, laid out as its spec with the new judges would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rateval.engine.anew.standins import is_seeded
from rateval.plan.cells import Cell, Choice
from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.report.lacks import planned_keys

_PARTS = {
    "dataset": "dataset",
    "model": "model",
    "finetune": "finetuner",
    "shift": "shift",
    "attribution": "attribution",
}
"""Table of a spec to what a key calls its label."""


def lay_out_stored(record: RunRecord, choices: Mapping[str, Sequence[Choice]]) -> list[Cell]:
    """Return the cells of a run's plan, those without predictions among them.

    A cell of which nothing depends on the seed is there once, or by each seed where a judge does.
    """
    seeds: Sequence[int | None] = record.seeds
    judged = any(judge.seeded for judge in (*choices["evidence"], *choices["metric"]))
    known = planned_keys(record)
    keys = list(dict.fromkeys(_without_needless_seed(record, key) for key in known))
    laid_out = [
        key.model_copy(update={"seed": seed})
        for key in keys
        for seed in (seeds if judged and key.seed is None else [key.seed])
    ]
    order = {
        table: {choice.label: at for at, choice in reversed(list(enumerate(choices[table])))}
        for table in _PARTS
    }

    def place(key: Key) -> tuple[int, ...]:
        return (
            order["model"][key.model],
            order["finetune"][key.finetuner],
            0 if key.seed is None else seeds.index(key.seed),
            order["dataset"][key.dataset],
            -1 if key.shift is None else order["shift"][key.shift.text],
            order["attribution"][key.attribution],
        )

    return list(_make_cells(sorted(laid_out, key=place), choices, several=len(seeds) > 1))


def _make_cells(
    keys: Sequence[Key], choices: Mapping[str, Sequence[Choice]], *, several: bool
) -> Iterator[Cell]:
    attributions = len({key.attribution for key in keys}) > 1
    named = {table: {one.label: one for one in choices[table]} for table in _PARTS}
    for key in keys:
        finetuner = named["finetune"][key.finetuner]
        explaining = (
            one
            for one in choices["attribution"]
            if one.label == key.attribution and one.serves(finetuner)
        )
        yield Cell(
            named["dataset"][key.dataset],
            named["model"][key.model],
            finetuner,
            None if key.shift is None else named["shift"][key.shift.text],
            next(explaining),
            key.seed,
            several=several,
            several_attributions=attributions,
        )


def find_stored(record: RunRecord, cell: Cell) -> CellRecord | None:
    """Return what a run has of a cell, whose seed may be one that only judges depend on."""
    key = cell.key
    same = [one for one in record.cells if one.key.seedless == key.seedless]
    own = [one for one in same if one.key.seed == key.seed]
    free = [one for one in same if one.key.seed is None or key.seed is None]
    return next(iter((*own, *free)), None)


def _without_needless_seed(record: RunRecord, key: Key) -> Key:
    """Return a key without its seed where the parent's judges alone depended on it."""
    if key.seed is None or _depends(record, key):
        return key
    results = {one.identity for one in record.cells if one.key.seedless == key.seedless}
    return key if len(results) > 1 else key.seedless


def _depends(record: RunRecord, key: Key) -> bool:
    """Return whether a part of a cell depends on the seed."""
    labels = {table: getattr(key, name) for table, name in _PARTS.items()}
    return any(
        is_seeded(entry)
        for table, label in labels.items()
        for entry in record.spec_resolved.get(table, ())
        if entry["name"] == label
    )
