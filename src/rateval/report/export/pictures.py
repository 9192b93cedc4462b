"""Pictures that a run keeps of its test images, with what each selected cell says of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from rateval.errors import RatevalError
from rateval.records.about.pictures import PicturesRecord
from rateval.records.results import find_result
from rateval.records.scores.cell import CellRecord
from rateval.report.export.images import find_classes, name_quadrants, read_judged
from rateval.report.export.selecting import Selection
from rateval.store.rows import ROWS
from rateval.store.tables.pictures import decode_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLAT = 1e-6
"""Share of a map's values up to which their spread is rounding, as where they are judged."""


@dataclass(frozen=True, slots=True)
class View:
    """The pictures of one test, as some models see it, and the cells that were tested on it."""

    name: str
    pictures: PicturesRecord
    cells: tuple[CellRecord, ...]
    classes: tuple[str, ...]
    unit: str
    """What is predicted once, in the singular."""


@dataclass(slots=True)
class Said:
    """What one cell says of one image."""

    row: dict[str, Any]
    """Its prediction, a column's name to its value."""
    relevance: NDArray[np.float16]
    """(rows, cols)."""
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Label of a validator to quadrant, score, and why there is none."""


def find_views(selection: Selection) -> list[View]:
    """Return the pictures of all selected cells' tests. Raises RatevalError when none were kept."""
    found = []
    for pictures in selection.record.pictures:
        cells = tuple(cell for cell in selection.cells if _shows(pictures, cell))
        if cells:
            classes = tuple(find_classes(selection, cells[0]))
            unit = selection.record.unit(pictures.dataset)
            found.append(View(_name(selection, pictures), pictures, cells, classes, unit))
    if not found:
        raise RatevalError(
            f"{selection.record.place}: keeps no pictures of the tests that were asked for; make "
            f"some: rateval report {selection.record.place} --pictures 200, then export again"
        )
    return found


def _shows(pictures: PicturesRecord, cell: CellRecord) -> bool:
    key = cell.key
    same = (pictures.dataset, pictures.shift) == (key.dataset, key.shift)
    return same and pictures.seed in (None, key.seed) and key.model in pictures.models


def _name(selection: Selection, pictures: PicturesRecord) -> str:
    alike = [
        one
        for one in selection.record.pictures
        if (one.dataset, one.shift) == (pictures.dataset, pictures.shift)
    ]
    parts = [pictures.dataset, pictures.shift.text if pictures.shift else None]
    if len({one.seed for one in alike}) > 1:
        parts.append(f"seed {pictures.seed}")
    if len({one.models for one in alike}) > 1:
        parts.append(" ".join(pictures.models))
    return ", ".join(part for part in parts if part)


def read_pictures(selection: Selection, view: View) -> list[dict[str, Any]]:
    """Read the rows of the pictures that are there, by their place in the test."""
    rows = selection.record.images(view.pictures).to_pylist()
    there = [row for row in rows if row["picture"] is not None]
    return sorted(there, key=lambda row: int(row["index"]))


def say_which(view: View) -> str:
    """Return a sentence on which units of a test are there."""
    return f"{view.name}: {view.pictures.tell_sampling(view.unit)}"


def write_png(picture: bytes, path: Path) -> None:
    """Write a stored picture as a PNG file, which loses nothing of it."""
    with Image.open(io.BytesIO(picture)) as image:
        image.convert("RGB").save(path, format="PNG")


def read_mask(row: dict[str, Any]) -> NDArray[np.bool_] | None:
    """Return the mask (height, width) of a picture; None where the image has none."""
    if row["mask"] is None:
        return None
    return decode_mask(row["mask"], row["height"], row["width"])


def draw_heat(relevance: NDArray[np.float16], height: int, width: int) -> NDArray[np.uint8]:
    """Return a map (rows, cols) at a picture's size, (height, width), its range from 0 to 255.

    It is enlarged bilinearly, as where it is judged; a constant map is all zeros.

    >>> draw_heat(np.array([[0.0, 1.0]], dtype=np.float16), 1, 4).tolist()
    [[0, 64, 191, 255]]
    """
    exact = relevance.astype(np.float32)
    large = np.asarray(
        Image.fromarray(exact).resize((width, height), Image.Resampling.BILINEAR), np.float64
    )
    low, high = float(large.min()), float(large.max())
    if not high - low > _FLAT * max(abs(low), abs(high)) or not np.isfinite(high - low):
        return np.zeros((height, width), np.uint8)
    heat: NDArray[np.uint8] = np.rint((large - low) * (255 / (high - low))).astype(np.uint8)
    return heat


def read_said(selection: Selection, cell: CellRecord, shown: set[int]) -> dict[int, Said]:
    """Return what a cell says of the images at these places of the test."""
    record, said = selection.record, dict[int, Said]()
    maps = record.relevance(cell)
    inferred = find_result(record.path, "infer", cell.identity, ROWS)
    for found in selection.evidence(cell):
        judged = find_result(record.path, "judge", found.identity, ROWS)
        for at, row in _pick(inferred, judged, shown):
            one = said.setdefault(row["index"], Said(row, maps[at]))
            names = ("quadrant", "score", "undefined")
            one.verdicts[found.validator] = {name: row[name] for name in names}
    return said


def _pick(inferred: Path, judged: Path, shown: set[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of some images, each with its number."""
    start, asked = 0, np.array(sorted(shown), dtype=np.int64)
    for batch in read_judged(inferred, judged):
        here = np.flatnonzero(np.isin(batch.column("index").to_numpy(), asked))
        quadrants = name_quadrants(batch)
        for at, row in zip(here.tolist(), batch.take(here).to_pylist(), strict=True):
            yield start + at, row | {"quadrant": quadrants[at]}
        start += len(batch)
