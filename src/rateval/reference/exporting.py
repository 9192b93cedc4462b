"""A run as the authors' files: labels, predictions and binary evidence, a folder per test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.errors import Problem, SpecError
from rateval.json_file import write_whole
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.records.scores.grouping import group_by
from rateval.report.export.images import name_quadrants
from rateval.report.export.names import name_fields
from rateval.report.export.output import unwritable
from rateval.report.export.selecting import Selection
from rateval.wording import write_count

LABELS = "labels.json"
PRINTED = "ptir.json"
_DIGITS = 5
"""Decimals of PT and IR, as the authors' script prints them."""


@dataclass(frozen=True, slots=True)
class Test:
    """The cells of one test and seed, which share its images."""

    name: str
    cells: tuple[CellRecord, ...]


def find_tests(selection: Selection) -> list[Test]:
    """Return the tests of the selected cells, each with a name of its own."""
    record = selection.record
    groups = group_by(selection.cells, lambda cell: cell.key.without("finetuner"))
    labels = [_name(record, cells[0]) for cells in groups]
    names = name_fields(labels)
    return [Test(names[label], tuple(cells)) for label, cells in zip(labels, groups, strict=True)]


def _name(record: RunRecord, cell: CellRecord) -> str:
    key = cell.key
    parts = [key.dataset, key.shift.text if key.shift else None, key.model, key.attribution]
    if len(record.seeds) > 1:
        parts.append(f"seed {key.seed}")
    return " ".join(part for part in parts if part)


def write_tests(selection: Selection, validator: str, folder: Path) -> list[str]:
    """Write the files of each test and return what to say of them.

    An image whose evidence is unknown is in no file, as 0 and 1 can't say so. Raises SpecError when
    the methods of a test have different images.
    """
    read = [(test, _read(selection, test, validator)) for test in find_tests(selection)]
    problems = [problem for test, rows in read for problem in _differ(selection, test, rows)]
    if problems:
        raise SpecError(problems)
    said = []
    try:
        for test, rows in read:
            (folder / test.name).mkdir(parents=True, exist_ok=True)
            said.append(_write(folder / test.name, test, rows, validator))
    except OSError as error:
        raise unwritable(folder, error) from None
    return said


def _read(selection: Selection, test: Test, validator: str) -> list[list[dict[str, Any]]]:
    names = ("index", "id", "label", "prediction", "correct", "mask_area")
    found = []
    for cell in test.cells:
        rows = selection.record.rows(cell, validator, names)
        quadrants = [
            q for batch in rows.combine_chunks().to_batches() for q in name_quadrants(batch)
        ]
        lines = rows.to_pylist()
        found.append([row | {"quadrant": q} for row, q in zip(lines, quadrants, strict=True)])
    return found


def _differ(
    selection: Selection, test: Test, rows: Sequence[Sequence[dict[str, Any]]]
) -> list[Problem]:
    """Return which methods have other images than the first one."""
    first = [row["id"] for row in rows[0]]
    label = selection.record.label
    return [
        Problem(
            label(cell.key),
            f"has {len(theirs):,} images, and {label(test.cells[0].key)} has {len(first):,} or "
            "others; leave one of them out with --cell, or run the spec again",
        )
        for cell, theirs in zip(test.cells[1:], rows[1:], strict=True)
        if [row["id"] for row in theirs] != first
    ]


def _write(
    folder: Path, test: Test, rows: Sequence[Sequence[dict[str, Any]]], validator: str
) -> str:
    unknown = {at for own in rows for at, row in enumerate(own) if row["quadrant"].endswith("U")}
    kept = [[row for at, row in enumerate(own) if at not in unknown] for own in rows]
    _put(folder / LABELS, [row["label"] for row in kept[0]])
    names = name_fields(cell.key.finetuner for cell in test.cells)
    for cell, own in zip(test.cells, kept, strict=True):
        name = names[cell.key.finetuner]
        _put(folder / f"{name}_pred.json", [row["prediction"] for row in own])
        valid = [int(row["quadrant"].endswith("R")) for row in own]
        _put(folder / f"{name}_rationale.json", valid)
    printed = {names[c.key.finetuner]: own for c, own in zip(test.cells, kept, strict=True)}
    _put(folder / PRINTED, print_all(printed))
    left = f", {len(unknown):,} of unknown evidence left out" if unknown else ""
    return f"{test.name}/  {write_count(len(kept[0]), 'image')} by {validator}{left}"


def print_all(rows: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return shares of the quadrants, PT and IR as the authors' script prints them.

    An undefined one is null, where theirs divides by zero.
    """
    found: dict[str, Any] = {}
    for name, own in rows.items():
        quadrants = [row["quadrant"] for row in own]
        counts = {state: quadrants.count(state) for state in ("RR", "RW", "WR", "WW")}
        shares = [count / len(own) for count in counts.values()] if own else None
        found[f"{name}_rr_rw_wr_ww"] = shares
        found[name] = {
            "PT": _share(counts["RR"], counts["RR"] + counts["RW"]),
            "IR": _share(counts["RR"], counts["RR"] + counts["WR"]),
        }
    return found


def _share(above: int, below: int) -> float | None:
    return round(above / below, _DIGITS) if below else None


def _put(path: Path, content: object) -> None:
    write_whole(path, json.dumps(content) + "\n")
