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
from rateval.store.remote.urls import is_url
from rateval.wording import plural

if TYPE_CHECKING:
    from rateval.records.about.pictures import PicturesRecord
    from rateval.records.key import Key
    from rateval.records.run import RunRecord
    from rateval.records.scores.cell import CellRecord
    from rateval.records.shift import ShiftKey

SCRIPTS = (
    "gallery-data.js",
    "gallery-draw.js",
    "gallery-detail.js",
    "gallery-controls.js",
    "gallery.js",
)
"""Files of ``assets`` that the page runs, in this order."""
FOLDER = "pictures"
"""Where pictures lie that are beside the page."""
COLUMNS = ("id", "index", "width", "height", "mask", "stratum", "undefined")
"""What the page is told of a picture."""


@dataclass(frozen=True, slots=True)
class _Test:
    """Cells that were tested on the same images, and the pictures that were kept of those."""

    dataset: str
    shift: ShiftKey | None
    seed: int | None
    """None where the data depend on no seed, or nothing was kept."""
    models: tuple[str, ...]
    """Those whose view of the images it is; empty where nothing was kept, for all."""
    pictures: PicturesRecord | None = None

    def holds(self, key: Key) -> bool:
        """Return whether a cell was tested on these images, in this view."""
        same = (self.dataset, self.shift) == (key.dataset, key.shift)
        return (
            same and self.seed in (None, key.seed) and (key.model in (self.models or (key.model,)))
        )


def gallery_data(
    record: RunRecord,
    budget_bytes: int | None = None,
    pictures: bool = True,
    *,
    folder: Path | None = None,
) -> Data:
    """Return the gallery's data as JSON values, of at most ``budget_bytes``; None for no bound.

    Without ``pictures`` no image is in it, and nothing but counts remains. With a ``folder`` the
    pictures are written into it, and the data hold their paths. One cell is in memory at once.
    Raises RatevalError when stored results are gone, OSError when the folder cannot be written.
    """
    cells = [cell for cell in record.cells if cell.evidence]
    tests = _tests(record, cells, pictures=pictures)
    described, content = [], []
    for at, test in enumerate(tests):
        rows = read_images(record, test.pictures) if test.pictures else []
        content.append([row["picture"] for row in rows] if folder else [])
        described.append(
            _describe_test(record, test, tests, rows, f"{FOLDER}/{at}" if folder else "")
        )
    data: Data = {
        "tests": described,
        "validators": _validators(record),
        "cells": [_cell(record, cell, tests, described) for cell in cells],
        "transitions": _transitions(record, cells),
        "command": _command(record),
        "left_out": not pictures,
        "cut": [],
    }
    if budget_bytes is not None:
        fit(data, budget_bytes)
    if folder is not None:
        _write_pictures(described, content, folder)
    return data | {"pictures": any(test["images"] for test in described)}


def _tests(record: RunRecord, cells: Sequence[CellRecord], *, pictures: bool) -> list[_Test]:
    """Return the tests of all cells, in their order."""
    kept = _list_kept(record) if pictures else []
    tests: list[_Test] = []
    for key in (cell.key for cell in cells):
        if not any(test.holds(key) for test in tests):
            bare = _Test(key.dataset, key.shift, None, ())
            tests.append(next((test for test in kept if test.holds(key)), bare))
    return tests


def _list_kept(record: RunRecord) -> list[_Test]:
    return [
        _Test(found.dataset, found.shift, found.seed, found.models, found)
        for found in record.pictures
    ]


def find_pictures(record: RunRecord, key: Key) -> PicturesRecord | None:
    """Return the pictures that a run kept of a cell's images, in its view; None for none."""
    return next((test.pictures for test in _list_kept(record) if test.holds(key)), None)


def _cell(
    record: RunRecord, cell: CellRecord, tests: Sequence[_Test], described: Sequence[Data]
) -> Data:
    key = cell.key
    at = next(at for at, test in enumerate(tests) if test.holds(key))
    shown = np.array([image["index"] for image in described[at]["images"]], dtype=np.int64)
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
        **read_cell(record, cell, shown),
    }


def read_images(record: RunRecord, pictures: PicturesRecord) -> list[Data]:
    """Return the rows of pictures, in the order in which they are cut off from the end."""
    # Here, so that who imports the page needn't wait for tables.
    from rateval.store.tables.pictures import take_turns

    return take_turns(record.images(pictures).to_pylist(), pictures.strata)


def _describe_test(
    record: RunRecord, test: _Test, tests: Sequence[_Test], rows: Sequence[Data], beside: str
) -> Data:
    """Return what is known of a test; ``beside`` begins the paths of pictures beside the page."""
    found = next(
        one for one in record.datasets if one.name == test.dataset and test.seed in (None, one.seed)
    )
    alike = [one for one in tests if (one.dataset, one.shift) == (test.dataset, test.shift)]
    name = test.dataset + (f", {test.shift.text}" if test.shift else "")
    view = name
    if len({one.seed for one in alike}) > 1:
        view += f", seed {test.seed}"
    if len({one.models for one in alike}) > 1:
        view += f" as {', '.join(test.models)} see it"
    return {
        "name": name,
        "view": view,
        "count": found.test_count,
        "units": plural(found.unit),
        "classes": list(found.classes),
        "sampling": test.pictures.tell_sampling(found.unit) if test.pictures else "",
        "images": [
            {name: row[name] for name in COLUMNS}
            | describe_picture(row, beside and f"{beside}-{row['index']}.webp")
            for row in rows
        ],
        "dropped": 0,
    }


def describe_picture(row: Data, path: str) -> Data:
    """Return where a row's picture is: in ``path`` beside the page, else in the page itself."""
    if row["picture"] is None:
        return {}
    if path:
        return {"file": path}
    return {"data": base64.b64encode(row["picture"]).decode()}


def _validators(record: RunRecord) -> list[Data]:
    """Return the validators in the order of the spec, with the threshold of those that have one."""
    by_threshold = {
        found.validator for cell in record.cells for found in cell.evidence if found.curves
    }
    return [
        {
            "name": entry["name"],
            "threshold": entry.get("params", {}).get("threshold")
            if entry["name"] in by_threshold
            else None,
        }
        for entry in record.spec_resolved.get("evidence", ())
    ]


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
    run = record.place if is_url(record.place) else run
    return shlex.join(["rateval", "report", run, "--pictures", "200", "--html", "report.html"])


def _write_pictures(
    described: Sequence[Data], content: Sequence[Sequence[bytes | None]], folder: Path
) -> None:
    """Write the pictures of the images that are left."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for test, pictures in zip(described, content, strict=True):
        for image, picture in zip(test["images"], pictures, strict=False):
            if picture is not None:
                (folder / image["file"]).write_bytes(picture)
