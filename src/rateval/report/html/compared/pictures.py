"""The gallery of runs that are compared: pictures of the same units, as each run looked at them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rateval.records.compare import CompareRecord, PairRecord
from rateval.records.run import RunRecord
from rateval.report.html.compared.tested import Named, Placed, Side, Test, Tested
from rateval.report.html.compared.views import Views
from rateval.report.html.gallery import FOLDER
from rateval.report.html.gallery_budget import Data, fit
from rateval.report.html.gallery_cells import read_cell
from rateval.report.terminal.compared import name_run
from rateval.report.terminal.layout import QUADRANTS

Doors = list[dict[str, Data]]
"""For each pair, by seed of the candidate: a ``filter`` of the gallery, and the ``ids`` there."""


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
    tested = Tested(record, runs, pictures)
    return _Composing(record, runs, tested).compose(budget, pictures, folder)


class _Composing:
    """One gallery while it is put together."""

    def __init__(self, record: CompareRecord, runs: Sequence[RunRecord], tested: Tested) -> None:
        self._record, self._runs, self._tested = record, runs, tested
        self._cells: list[Data] = []
        self._places: dict[tuple[int, Named], int] = {}
        """Place of a test, and a cell of it, to its place in the data."""

    def compose(
        self, budget: int | None, pictures: bool, folder: Path | None
    ) -> tuple[Data, Doors]:
        """Return the data, cut to ``budget``, and what opens it."""
        described: list[Data] = []
        for at, (test, name) in enumerate(
            zip(self._tested.tests, self._tested.name_tests(), strict=True)
        ):
            views = self._read_views(test, (folder, f"{FOLDER}/{at}") if folder else None)
            described.append(_describe(test, name, views))
            self._add_cells(at, test, views)
        for placed in (one for pair in self._tested.placed for one in pair):
            ours, theirs = self._find(placed)
            self._cells[ours].setdefault("partner", theirs)
        data: Data = {
            "paired": True,
            "tests": described,
            "validators": list(self._validators()),
            "cells": self._cells,
            "transitions": list(self._transitions()),
            "command": shlex.join(
                ["rateval", "report", self._record.runs[0].path, "--pictures", "200"]
            ),
            "beside": "rateval compare … --html FOLDER/",
            "left_out": not pictures,
            "cut": [],
        }
        if budget is not None:
            fit(data, budget)
        data["pictures"] = any(test["images"] for test in described)
        return data, list(self._doors(data))

    def _find(self, placed: Placed) -> tuple[int, int]:
        """Return the places of the candidate's cell and of the baseline's."""
        at = self._tested.tests.index(placed.test)
        return self._places[at, placed.ours.named], self._places[at, placed.theirs.named]

    def _read_views(self, test: Test, beside: tuple[Path, str] | None) -> Views:
        ids = {named: side.read_ids() for named, side in test.sides.items()}
        return Views(
            (self._runs[test.pair.run], test.candidate),
            (self._runs[0], test.baseline),
            shared=set.intersection(*map(set, ids.values())),
            first=test.changed,
            apart=bool(test.pair.other_view),
            indices=ids,
            beside=beside,
        )

    def _add_cells(self, place: int, test: Test, views: Views) -> None:
        """Add the cells of a test, the candidate's first."""
        classes = {name: at for at, name in enumerate(test.classes)}
        for side in sorted(test.sides.values(), key=lambda side: side.run == 0):  # stable
            judged = test.validators[side.named]
            found = read_cell(side.record, side.cell, views.places(side.named))
            _rename_classes(found["columns"], side, classes)
            _rename_validators(found, side, judged)
            self._places[place, side.named] = len(self._cells)
            self._cells.append(self._describe_cell(side, judged) | {"test": place} | found)

    def _describe_cell(self, side: Side, judged: Mapping[str, PairRecord]) -> Data:
        run, key = name_run(self._record, side.run), side.cell.key
        seeded = key.seed is not None and len(side.record.seeds) > 1
        first = next(iter(judged.values()))
        return {
            "label": f"{run}: {side.record.label(key)}",
            "seedless": f"{run}: {side.record.label(key.seedless)}",
            "method": f"{run}: {key.row}" + (f", seed {key.seed}" if seeded else ""),
            "attribution": key.attribution,
            "trained": side.cell.trained,
            "count": round(first.count) if _has_more(side, first) else side.cell.count,
            "quadrants": dict(_count_quadrants(side, judged)),
            "other": side.run == 0,
            "cut": [],
        }

    def _validators(self) -> Iterator[Data]:
        told = set[str]()
        for pair in self._record.pairs:
            name = self._tested.name_validator(pair)
            if name in told:
                continue
            told.add(name)
            cells = self._runs[pair.run].cells
            evidence = (found for cell in cells for found in cell.evidence)
            curved = any(one.curves for one in evidence if one.validator == pair.validator)
            params = self._tested.find_validator(pair)["params"] or {}
            yield {"name": name, "threshold": params.get("threshold") if curved else None}

    def _transitions(self) -> Iterator[Data]:
        """Yield the counts of pairs of single cells: over seeds there are means only."""
        for pair, placed in zip(self._record.pairs, self._tested.placed, strict=True):
            if len(placed) != 1 or len(pair.seeds) != 1:
                continue
            cell, against = self._find(placed[0])
            counts = {
                f"{before}>{after}": count
                for before, row in pair.transitions.items()
                for after, count in row.items()
            }
            name = self._tested.name_validator(pair)
            yield {"cell": cell, "against": against, "validator": name, "counts": counts}

    def _doors(self, data: Data) -> Iterator[dict[str, Data]]:
        ids = [{image["id"] for image in test["images"]} for test in data["tests"]]
        for pair, placed in zip(self._record.pairs, self._tested.placed, strict=True):
            found: dict[str, Data] = {}
            seeds = [one.seed for one in placed]
            for one in placed:
                if seeds.count(one.seed) > 1:
                    continue  # by which of the baseline's seeds a unit changed is not told
                at = self._tested.tests.index(one.test)
                cell, against = (data["cells"][place]["label"] for place in self._find(one))
                told = {"test": data["tests"][at]["name"], "cell": cell, "against": against}
                told["validator"] = self._tested.name_validator(pair)
                found["" if one.seed is None else str(one.seed)] = {"filter": told, "ids": ids[at]}
            yield found


def _describe(test: Test, name: str, views: Views) -> Data:
    return {
        "name": name,
        "view": name,
        "count": round(test.pair.count),
        "units": "units",
        "classes": test.classes,
        "sampling": views.sampling,
        "images": views.images,
        "dropped": 0,
    }


def _has_more(side: Side, pair: PairRecord) -> bool:
    """Return whether a cell has units that the other run hasn't."""
    return bool(pair.only_candidate if side.run else pair.only_baseline)


def _label_of(side: Side, pair: PairRecord) -> str:
    """Return what the run of a cell calls a pair's validator."""
    return pair.validator if side.run else pair.baseline_validator


def _rename_validators(found: Data, side: Side, judged: Mapping[str, PairRecord]) -> None:
    """Call the validators of a cell as the page does; keep no counts of units of one run alone."""
    for part in ("verdicts", "curves"):
        kept = {name: found[part].get(_label_of(side, pair)) for name, pair in judged.items()}
        found[part] = {name: one for name, one in kept.items() if one is not None}
    if any(_has_more(side, pair) for pair in judged.values()):
        found["curves"] = {}


def _rename_classes(columns: Data, side: Side, classes: Mapping[str, int]) -> None:
    """Number the classes of a cell's columns as the page does."""
    numbers = [classes[name] for name in side.classes]
    if numbers == list(range(len(numbers))) or not columns:
        return
    for name in ("label", "prediction"):
        columns[name] = [None if at is None else numbers[at] for at in columns[name]]
    if "top" in columns:
        columns["top"] = [
            top and [[numbers[at], share] for at, share in top] for top in columns["top"]
        ]


def _count_quadrants(
    side: Side, judged: Mapping[str, PairRecord]
) -> Iterator[tuple[str, Mapping[str, int | float]]]:
    """Yield the counts of each validator over the units of both runs, where they are known."""
    for name, pair in judged.items():
        evidence = side.cell.by(_label_of(side, pair))
        if evidence is not None and not _has_more(side, pair):
            yield name, evidence.quadrants
        elif len(pair.seeds) == 1:
            counts = dict.fromkeys(QUADRANTS, 0)
            for before, row in pair.transitions.items():
                for after, count in row.items():
                    state = after if side.run else before
                    counts[state] = counts.get(state, 0) + round(count)
            yield name, counts
