"""The gallery of runs that are compared: pictures of the same units, as each run looked at them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rateval.records.compare import CompareRecord, PairRecord
from rateval.records.key import Key
from rateval.records.pictures import PicturesRecord
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.report.html.compared.views import Views
from rateval.report.html.gallery import FOLDER, find_pictures
from rateval.report.html.gallery_budget import Data, fit
from rateval.report.html.gallery_cells import read_cell
from rateval.report.terminal.compared import name_run

Doors = list[dict[str, Data]]
"""For each pair, by seed of the candidate: a ``filter`` of the gallery, and the ``ids`` there."""


@dataclass(frozen=True, slots=True)
class _Side:
    """A cell, and the run that it is of."""

    run: int
    record: RunRecord
    cell: CellRecord

    @property
    def key(self) -> Key:
        return self.cell.key


@dataclass(slots=True)
class _Test:
    """Cells of two runs that were tested on the same units, and the pictures of both runs."""

    pair: PairRecord
    """The first of it."""
    candidate: PicturesRecord | None
    baseline: PicturesRecord | None
    changed: set[str] = field(default_factory=set)
    sides: dict[tuple[int, Key], _Side] = field(default_factory=dict)
    validators: dict[tuple[int, Key], dict[str, PairRecord]] = field(default_factory=dict)
    """Of each side, the page's name of a validator to a pair that is judged by it."""


def compared_gallery(
    record: CompareRecord,
    runs: Sequence[RunRecord],
    budget: int | None,
    pictures: bool,
    folder: Path | None,
) -> tuple[Data, Doors]:
    """Return the gallery's data, as ``gallery_data`` has them of one run, and what opens it.

    Units that changed come first. Raises RatevalError when stored results are gone.
    """
    return _Composing(record, runs, pictures, folder).compose(budget)


class _Composing:
    def __init__(
        self,
        record: CompareRecord,
        runs: Sequence[RunRecord],
        pictures: bool,
        folder: Path | None,
    ) -> None:
        self._record, self._runs = record, runs
        self._pictures, self._folder = pictures, folder
        self._tests: dict[tuple[object, ...], _Test] = {}
        self._opening: list[list[tuple[int | None, _Test, _Side, _Side]]] = []
        """Of each pair: the candidate's seed, and both cells."""

    def compose(self, budget: int | None) -> tuple[Data, Doors]:
        for pair in self._record.pairs:
            self._opening.append(list(self._place(pair)))
        tests = list(self._tests.values())
        names = self._name_tests(tests)
        described, cells = list[Data](), list[Data]()
        places: dict[tuple[int, tuple[int, Key]], int] = {}
        for at, test in enumerate(tests):
            views = self._read_views(at, test)
            described.append(self._describe(test, names[at], views))
            for side, told in self._cells(at, test, views):
                places[at, side] = len(cells)
                cells.append(told)
        self._partner(tests, cells, places)
        data: Data = {
            "paired": True,
            "tests": described,
            "validators": list(self._validators()),
            "cells": cells,
            "transitions": list(self._transitions(tests, places)),
            "command": self._command(),
            "beside": "rateval compare … --html FOLDER/",
            "left_out": not self._pictures,
            "cut": [],
        }
        if budget is not None:
            fit(data, budget)
        data["pictures"] = any(test["images"] for test in described)
        return data, self._doors(tests, data, places)

    def _place(self, pair: PairRecord) -> Iterator[tuple[int | None, _Test, _Side, _Side]]:
        """Yield both cells of each seed of a pair, and put them into their test."""
        for seed, other_seed in pair.seeds:
            ours = self._find(pair.run, pair.candidate, seed)
            theirs = self._find(0, pair.baseline, other_seed)
            if ours is None or theirs is None:
                continue
            kept = [
                find_pictures(side.record, side.key) if self._pictures else None
                for side in (ours, theirs)
            ]
            one, other = pair.candidate, pair.baseline
            where = pair.run, one.dataset, one.shift, other.dataset, other.shift
            stored = tuple((found.identity, found.file) if found else None for found in kept)
            key = (*where, bool(pair.other_view), *stored)
            test = self._tests.setdefault(key, _Test(pair, *kept))
            test.changed |= {unit.id for unit in pair.changed}
            for side in (ours, theirs):
                test.sides[side.run, side.key] = side
                judged = test.validators.setdefault((side.run, side.key), {})
                judged.setdefault(self._name_validator(pair), pair)
            yield seed, test, ours, theirs

    def _find(self, run: int, key: Key, seed: int | None) -> _Side | None:
        wanted, record = key.model_copy(update={"seed": seed}), self._runs[run]
        found = (cell for cell in record.cells if cell.key == wanted)
        return next((_Side(run, record, cell) for cell in found), None)

    def _name_validator(self, pair: PairRecord) -> str:
        """Return a validator's label, with its run where another one has another of that label."""
        entries = [self._entry(other) for other in self._record.pairs if _alike(other, pair)]
        same = all(entry == entries[0] for entry in entries)
        return pair.validator if same else f"{pair.validator} ({name_run(self._record, pair.run)})"

    def _entry(self, pair: PairRecord) -> Mapping[str, Any]:
        entries = self._runs[pair.run].spec_resolved.get("evidence", ())
        found: Mapping[str, Any] = next(
            (one for one in entries if one["name"] == pair.validator), {}
        )
        return {key: found.get(key) for key in ("component", "params")}

    def _name_tests(self, tests: Sequence[_Test]) -> list[str]:
        several = len(self._record.runs) > 2
        names = list[str]()
        for test in tests:
            key = test.pair.candidate
            name = key.dataset + (f", {key.shift}" if key.shift else "")
            name += f", {name_run(self._record, test.pair.run)}" if several else ""
            alike = sum(1 for other in names if other.split("; view ")[0] == name)
            names.append(f"{name}; view {alike + 1}" if alike else name)
        return names

    def _read_views(self, place: int, test: _Test) -> Views:
        ids = [_read_ids(side) for side in test.sides.values()]
        shared = set.intersection(*(set(found) for found in ids))
        baseline, candidate = self._runs[0], self._runs[test.pair.run]
        return Views(
            (candidate, test.candidate),
            (baseline, test.baseline),
            shared=shared,
            first=test.changed,
            apart=bool(test.pair.other_view),
            indices=dict(zip(test.sides, ids, strict=True)),
            beside=None if self._folder is None else (self._folder, f"{FOLDER}/{place}"),
        )

    def _describe(self, test: _Test, name: str, views: Views) -> Data:
        return {
            "name": name,
            "view": name,
            "count": round(test.pair.count),
            "classes": _list_classes(test),
            "sampling": views.sampling,
            "images": views.images,
            "dropped": 0,
        }

    def _cells(
        self, place: int, test: _Test, views: Views
    ) -> Iterator[tuple[tuple[int, Key], Data]]:
        """Yield each cell of a test, the candidate's first."""
        classes = {name: at for at, name in enumerate(_list_classes(test))}
        ordered = sorted(test.sides, key=lambda side: side[0] == 0)  # stable
        for named in ordered:
            side, judged = test.sides[named], test.validators[named]
            shown = views.places(named)
            found = read_cell(side.record, side.cell, shown)
            labels = {
                name: pair.validator if side.run else pair.baseline_validator
                for name, pair in judged.items()
            }
            pairs = list(judged.values())
            alone = any(pair.only_candidate if side.run else pair.only_baseline for pair in pairs)
            for part in ("verdicts", "curves"):
                kept = {name: found[part].get(label) for name, label in labels.items()}
                found[part] = {name: one for name, one in kept.items() if one is not None}
            found["curves"] = {} if alone else found["curves"]
            _rename_classes(found["columns"], side, classes)
            run, key = name_run(self._record, side.run), side.key
            several = key.seed is not None and len(side.record.seeds) > 1
            yield (
                named,
                {
                    "label": f"{run}: {side.record.label(key)}",
                    "seedless": f"{run}: {side.record.label(key.seedless)}",
                    "test": place,
                    "method": f"{run}: {key.row}" + (f", seed {key.seed}" if several else ""),
                    "attribution": key.attribution,
                    "trained": side.cell.trained,
                    "count": round(pairs[0].count) if alone else side.cell.count,
                    "quadrants": dict(_count_quadrants(side, judged, labels)),
                    "other": side.run == 0,
                    "cut": [],
                    **found,
                },
            )

    def _partner(
        self,
        tests: Sequence[_Test],
        cells: Sequence[Data],
        places: Mapping[tuple[int, tuple[int, Key]], int],
    ) -> None:
        """Tell each cell of a candidate which one of the baseline it is compared with."""
        for opening in self._opening:
            for _, test, ours, theirs in opening:
                at = tests.index(test)
                cells[places[at, (ours.run, ours.key)]].setdefault(
                    "partner", places[at, (0, theirs.key)]
                )

    def _validators(self) -> Iterator[Data]:
        told = set[str]()
        for pair in self._record.pairs:
            name = self._name_validator(pair)
            if name in told:
                continue
            told.add(name)
            cells = self._runs[pair.run].cells
            by_threshold = any(
                found.curves
                for cell in cells
                for found in cell.evidence
                if found.validator == pair.validator
            )
            params = self._entry(pair)["params"] or {}
            yield {"name": name, "threshold": params.get("threshold") if by_threshold else None}

    def _transitions(
        self, tests: Sequence[_Test], places: Mapping[tuple[int, tuple[int, Key]], int]
    ) -> Iterator[Data]:
        """Yield the counts of pairs of single cells: over seeds there are means only."""
        for pair, opening in zip(self._record.pairs, self._opening, strict=True):
            if len(opening) != 1:
                continue
            _, test, ours, theirs = opening[0]
            at = tests.index(test)
            yield {
                "cell": places[at, (ours.run, ours.key)],
                "against": places[at, (0, theirs.key)],
                "validator": self._name_validator(pair),
                "counts": {
                    f"{before}>{after}": count
                    for before, row in pair.transitions.items()
                    for after, count in row.items()
                },
            }

    def _command(self) -> str:
        path = self._record.runs[0].path
        return shlex.join(["rateval", "report", path, "--pictures", "200"])

    def _doors(
        self,
        tests: Sequence[_Test],
        data: Data,
        places: Mapping[tuple[int, tuple[int, Key]], int],
    ) -> Doors:
        doors: Doors = []
        ids = [{image["id"] for image in test["images"]} for test in data["tests"]]
        for pair, opening in zip(self._record.pairs, self._opening, strict=True):
            found: dict[str, Data] = {}
            seeds = [seed for seed, *_ in opening]
            for seed, test, ours, theirs in opening:
                if seeds.count(seed) > 1:
                    continue  # which of the baseline's seeds a unit changed by is not told
                at = tests.index(test)
                cells = [places[at, (ours.run, ours.key)], places[at, (0, theirs.key)]]
                cell, against = (data["cells"][one]["label"] for one in cells)
                told = {"test": data["tests"][at]["name"], "cell": cell, "against": against}
                told["validator"] = self._name_validator(pair)
                found["" if seed is None else str(seed)] = {"filter": told, "ids": ids[at]}
            doors.append(found)
        return doors


def _alike(one: PairRecord, other: PairRecord) -> bool:
    return one.validator == other.validator


def _read_ids(side: _Side) -> dict[str, int]:
    """Return the ids of a cell's units to their positions in the test split."""
    first = side.cell.evidence[0].validator
    rows = side.record.rows(side.cell, first, ["id", "index", "mask_area"])
    return dict(zip(rows.column("id").to_pylist(), rows.column("index").to_pylist(), strict=True))


def _classes_of(side: _Side) -> tuple[str, ...]:
    key = side.key
    return next(
        data.classes
        for data in side.record.datasets
        if data.name == key.dataset and data.seed in (None, key.seed)
    )


def _list_classes(test: _Test) -> list[str]:
    """Return the classes of all cells of a test."""
    return list(dict.fromkeys(name for side in test.sides.values() for name in _classes_of(side)))


def _rename_classes(columns: Data, side: _Side, classes: Mapping[str, int]) -> None:
    """Number the classes of a cell's columns as the page does."""
    own = _classes_of(side)
    if all(classes[name] == at for at, name in enumerate(own)):
        return
    numbers = [classes[name] for name in own]
    for name in ("label", "prediction"):
        columns[name] = [None if at is None else numbers[at] for at in columns.get(name, ())]
    columns["top"] = [
        top and [[numbers[at], share] for at, share in top] for top in columns.get("top", ())
    ]


def _count_quadrants(
    side: _Side, judged: Mapping[str, PairRecord], labels: Mapping[str, str]
) -> Iterator[tuple[str, Mapping[str, int | float]]]:
    """Yield the counts of each validator over the units of both runs, where they are known."""
    for name, pair in judged.items():
        evidence = side.cell.by(labels[name])
        if not (pair.only_candidate if side.run else pair.only_baseline):
            if evidence is not None:
                yield name, evidence.quadrants
        elif len(pair.seeds) == 1:
            counts = dict.fromkeys(("RR", "RW", "WR", "WW"), 0.0)
            for before, row in pair.transitions.items():
                for after, count in row.items():
                    state = after if side.run else before
                    counts[state] = counts.get(state, 0) + count
            yield name, {state: round(count) for state, count in counts.items()}
