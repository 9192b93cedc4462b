"""A folder in COCO's layout: pictures, masks as annotations, predictions as results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rateval.json_file import format_json, join_lists, write_whole
from rateval.report.export.names import name_fields
from rateval.report.export.output import unwritable
from rateval.report.export.pictures import (
    View,
    find_views,
    read_mask,
    read_pictures,
    read_said,
    say_which,
    write_png,
)
from rateval.report.export.selecting import Selection
from rateval.store.tables.pictures import encode_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGES, ANNOTATIONS, RESULTS = "images", "annotations.json", "results"


def write_coco(selection: Selection, what: str, folder: Path) -> list[str]:
    """Write a folder for each test and return which images are in it.

    Raises RatevalError when it cannot be written.
    """
    views = find_views(selection)
    places = name_fields(view.name for view in views)
    try:
        for view in views:
            _write_view(selection, view, folder / places[view.name])
    except OSError as error:
        raise unwritable(folder, error) from None
    return [f"{places[view.name]}/  {say_which(view)}" for view in views]


def _write_view(selection: Selection, view: View, folder: Path) -> None:
    for name in (IMAGES, RESULTS):
        (folder / name).mkdir(parents=True, exist_ok=True)
    rows = read_pictures(selection, view)
    labels: dict[int, int] = {}
    cells = name_fields(selection.record.label(cell.key) for cell in view.cells)
    for cell in view.cells:
        label = selection.record.label(cell.key)
        said = read_said(selection, cell, {row["index"] for row in rows})
        labels |= {at: one.row["label"] for at, one in said.items()}
        results = [
            {
                "id": number,
                "image_id": at,
                **_said(view, one.row),
                "score": _chance(one.row),
                "cell": label,
                "verdicts": one.verdicts,
            }
            for number, (at, one) in enumerate(sorted(said.items()), start=1)
        ]
        _write(folder / RESULTS / f"{cells[label]}.json", results)
    for row in rows:
        write_png(row["picture"], folder / IMAGES / _file(row))
    _write(folder / ANNOTATIONS, _annotations(selection, view, rows, labels))


def _annotations(
    selection: Selection, view: View, rows: Sequence[dict[str, Any]], labels: dict[int, int]
) -> dict[str, Any]:
    masks = [(row, read_mask(row)) for row in rows]
    there = [(row, mask) for row, mask in masks if mask is not None and row["index"] in labels]
    return {
        "info": {"description": f"{selection.record.study}: {say_which(view)}"},
        "images": [
            {
                "id": row["index"],
                "file_name": _file(row),
                "width": row["width"],
                "height": row["height"],
                "test_id": row["id"],
            }
            for row in rows
        ],
        "annotations": [
            {
                "id": number,
                "image_id": row["index"],
                "category_id": labels[row["index"]],
                "segmentation": encode_region(mask),
                "area": int(mask.sum()),
                "bbox": bound(mask),
                "iscrowd": 0,
            }
            for number, (row, mask) in enumerate(there, start=1)
        ],
        "categories": [{"id": at, "name": name} for at, name in enumerate(view.classes)],
    }


def _file(row: dict[str, Any]) -> str:
    return f"{row['index']:06}.png"


def _said(view: View, row: dict[str, Any]) -> dict[str, Any]:
    """Return what was predicted: a category, and the text where it is one that was written."""
    number = row["prediction"]
    if "output" not in row:
        return {"category_id": number}
    known = number if number < len(view.classes) else None
    references = {"references": row["references"]}
    if "phrase" in row:
        span = {"phrase": row["phrase"], "span": [row["start"], row["stop"]]}
        said = {"caption": row["output"], **span}
        return {"category_id": row["label"], "there": row["correct"], **said, **references}
    return {
        "category_id": known,
        "answer": row["output"],
        "question": row["input"],
        **references,
    }


def _chance(row: dict[str, Any]) -> float | None:
    """Return the probability of the predicted class; None where predictions have none."""
    chances = row.get("probabilities")
    return None if chances is None else float(chances[row["prediction"]])


def encode_region(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Return a mask (rows, cols) as COCO's run lengths, column by column, those of False first.

    >>> encode_region(np.array([[True, True], [False, True]]))
    {'size': [2, 2], 'counts': [0, 1, 1, 2]}
    """
    return {"size": list(mask.shape), "counts": encode_mask(mask.T)}


def bound(mask: NDArray[np.bool_]) -> list[int]:
    """Return left, top, width and height of the box around a mask; all 0 where it is empty.

    >>> bound(np.array([[False, False], [False, True]]))
    [1, 1, 1, 1]
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return [0, 0, 0, 0]
    left, top = int(columns[0]), int(rows[0])
    return [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]


def _write(path: Path, content: object) -> None:
    write_whole(path, join_lists(format_json(content)))
