"""What the page's gallery shows: pictures, masks and maps of a sample, and counts of all images."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rateval.report.html.gallery_budget import Data, fit
from rateval.report.html.gallery_cells import read_cell

if TYPE_CHECKING:
    import pyarrow as pa

    from rateval.records.key import Key
    from rateval.records.run import RunRecord
    from rateval.records.scores.cell import CellRecord

SCRIPTS = ("gallery-data.js", "gallery-draw.js", "gallery-detail.js", "gallery.js")
"""Files of ``assets`` that the page runs, in this order."""
FOLDER = "pictures"
"""Where pictures lie that are beside the page."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The pictures that were kept of one test, in the order in which they were chosen."""

    dataset: str
    shift: str | None
    table: pa.Table | None
    """Columns id, index, picture (WebP), width, height, mask (runs), stratum; None where nothing
    was kept."""
    seed: int | None = None
    """None where the data depend on no seed."""

    def holds(self, key: Key) -> bool:
        """Return whether a cell was tested on these images."""
        same = (self.dataset, self.shift) == (key.dataset, key.shift)
        return same and self.seed in (None, key.seed)


def build(
    record: RunRecord,
    samples: Sequence[Sample],
    budget_bytes: int | None = None,
    folder: Path | None = None,
) -> Data:
    """Return the gallery's data as JSON values, of at most ``budget_bytes``; None for no bound.

    With a ``folder`` the pictures are written into it, and the data hold their paths. One cell is
    in memory at once. Raises RatevalError when stored results are gone, OSError when the folder
    cannot be written.
    """
    cells = [cell for cell in record.cells if cell.evidence]
    tests = list(samples)
    for key in (cell.key for cell in cells):
        if not any(test.holds(key) for test in tests):
            tests.append(Sample(key.dataset, key.shift, None))
    validators = _validators(record)
    described = [_describe_test(record, test, at, folder) for at, test in enumerate(tests)]
    data: Data = {
        "tests": described,
        "validators": validators,
        "cells": [_cell(record, cell, tests, described, validators) for cell in cells],
        "transitions": _transitions(record, cells),
        "command": _command(record),
    }
    if budget_bytes is not None:
        fit(data, budget_bytes)
    if folder is not None:
        _write_pictures(data, tests, folder)
    return data


def _cell(
    record: RunRecord,
    cell: CellRecord,
    tests: Sequence[Sample],
    described: Sequence[Data],
    validators: Sequence[Data],
) -> Data:
    key = cell.key
    at = next(at for at, test in enumerate(tests) if test.holds(key))
    shown = np.array([image["index"] for image in described[at]["images"]], dtype=np.int64)
    thresholds = {found["name"]: found["threshold"] for found in validators}
    several = len(record.seeds) > 1 and key.seed is not None
    return {
        "label": record.label(key),
        "seedless": record.label(key.seedless),
        "test": at,
        "method": key.method + (f", seed {key.seed}" if several else ""),
        "attribution": key.attribution,
        "trained": cell.trained,
        "count": cell.count,
        "quadrants": {found.validator: found.quadrants for found in cell.evidence},
        "cut": [],
        **read_cell(record, cell, shown, thresholds),
    }


def _describe_test(record: RunRecord, test: Sample, number: int, folder: Path | None) -> Data:
    found = next(
        one for one in record.datasets if one.name == test.dataset and test.seed in (None, one.seed)
    )
    shift = f", {test.shift}" if test.shift else ""
    seed = f", seed {test.seed}" if test.seed is not None else ""
    rows = [] if test.table is None else test.table.to_pylist()
    return {
        "name": f"{test.dataset}{shift}{seed}",
        "count": found.test_count,
        "classes": list(found.classes),
        "images": [
            {name: row[name] for name in ("id", "index", "width", "height", "mask", "stratum")}
            | _picture(row, None if folder is None else f"{FOLDER}/{number}-{row['index']}.webp")
            for row in rows
        ],
        "dropped": 0,
    }


def _picture(row: Data, path: str | None) -> Data:
    if row["picture"] is None:
        return {}
    if path is not None:
        return {"file": path}
    return {"data": base64.b64encode(row["picture"]).decode()}


def _validators(record: RunRecord) -> list[Data]:
    """Return the validators in the order of the spec, with the threshold of those that have one."""
    found = []
    for entry in record.spec_resolved.get("evidence", ()):
        threshold = entry.get("params", {}).get("threshold")
        number = isinstance(threshold, int | float) and 0 <= threshold <= 1
        found.append({"name": entry["name"], "threshold": threshold if number else None})
    return found


def _transitions(record: RunRecord, cells: Sequence[CellRecord]) -> list[Data]:
    """Return how many of all images go from each state to each, for pairs of cells."""
    places = {cell.key: at for at, cell in enumerate(cells)}
    return [
        {
            "cell": places[found.method],
            "against": places[found.against],
            "validator": found.validator,
            "counts": {
                f"{before}>{after}": count
                for before, row in found.transitions.items()
                for after, count in row.items()
            },
        }
        for found in record.comparisons
        if found.method in places and found.against in places
    ]


def _command(record: RunRecord) -> str:
    run = f"{record.path.parent.name}/{record.path.name}"
    return shlex.join(["rateval", "report", run, "--pictures", "200", "--html", "report.html"])


def _write_pictures(data: Data, tests: Sequence[Sample], folder: Path) -> None:
    """Write the pictures of the images that are left."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for described, test in zip(data["tests"], tests, strict=True):
        if test.table is not None:
            pictures = test.table.column("picture")
            for image, picture in zip(described["images"], pictures, strict=False):
                if "file" in image:
                    (folder / image["file"]).write_bytes(picture.as_py())
