"""A dataset folder that FiftyOne loads: pictures, labels, masks, heat maps, quadrants as fields.

It has the layout of ``fiftyone.types.FiftyOneDataset`` without a version in its ``metadata.json``:
FiftyOne takes the fields from the samples then, whatever its own version is.
"""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rateval.json_file import write_json
from rateval.report.export.names import fold, name_fields
from rateval.report.export.output import replacing, unwritable
from rateval.report.export.pictures import (
    Said,
    View,
    draw_heat,
    find_views,
    read_mask,
    read_pictures,
    read_said,
    say_which,
    write_png,
)
from rateval.report.export.selecting import Selection
from rateval.report.export.tables import name_shift

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATA = "data"
"""Folder of the pictures."""

Sample = dict[str, Any]


def write_dataset(selection: Selection, what: str, folder: Path) -> list[str]:
    """Write the dataset and return which images are in it. Raises RatevalError when it can't be."""
    views = find_views(selection)
    names = [selection.record.label(cell.key) for view in views for cell in view.cells]
    fields = name_fields(names)
    try:
        (folder / DATA).mkdir(parents=True, exist_ok=True)
        with replacing(folder / "samples.json") as part, part.open("w", encoding="utf-8") as file:
            file.write('{"samples": [')
            before = "\n"
            for number, view in enumerate(views):
                for sample in _samples(selection, view, number, folder, fields):
                    file.write(before + json.dumps(sample, allow_nan=False))
                    before = ",\n"
            file.write("\n]}\n")
        write_json(folder / "metadata.json", _describe(selection, views, fields))
    except OSError as error:
        raise unwritable(folder, error) from None
    return [say_which(view) for view in views]


def _describe(selection: Selection, views: Sequence[View], fields: dict[str, str]) -> Sample:
    record = selection.record
    return {
        "name": record.study,
        "media_type": "image",
        "info": {
            "study": record.study,
            "started": record.started,
            "images": [say_which(view) for view in views],
            "fields": {field: label for label, field in fields.items()},
        },
    }


def _samples(
    selection: Selection, view: View, number: int, folder: Path, fields: dict[str, str]
) -> Iterable[Sample]:
    """Yield a sample for each picture of a view, and write its file."""
    rows = read_pictures(selection, view)
    samples: dict[int, Sample] = {}
    for row in rows:
        path = f"{DATA}/{number}-{row['index']:06}.png"
        write_png(row["picture"], folder / path)
        samples[row["index"]] = _sample(view, row, path)
    for cell in view.cells:
        field = fields[selection.record.label(cell.key)]
        said = read_said(selection, cell, set(samples))
        for row in rows:
            if row["index"] in said:
                sample, one = samples[row["index"]], said[row["index"]]
                sample.setdefault("ground_truth", _class(view, one.row["label"]))
                sample |= _asked(one.row)
                sample |= _fields(view, field, one, row["height"], row["width"])
    return samples.values()


def _sample(view: View, row: dict[str, Any], path: str) -> Sample:
    found: Sample = {
        "filepath": path,
        "tags": [view.name],
        "image": row["id"],
        "index": row["index"],
        "dataset": view.pictures.dataset,
        "stratum": row["stratum"],
    }
    mask = read_mask(row)
    if view.pictures.shift:
        parts = name_shift(view.pictures.shift)
        found |= {name: part for name, part in parts.items() if part is not None}
    if mask is not None:
        values = np.where(mask, 255, 0).astype(np.uint8)
        found["evidence"] = {"_cls": "Segmentation", "tags": [], "mask": pack(values)}
    return found


def _fields(view: View, field: str, said: Said, height: int, width: int) -> Sample:
    """Return what one cell says of an image; what is undefined is left out."""
    row, heat = said.row, draw_heat(said.relevance, height, width)
    chances = row.get("probabilities")
    chance = None if chances is None else {"confidence": chances[row["prediction"]]}
    found: Sample = {
        f"{field}_prediction": _said(view, row) | (chance or {}),
        f"{field}_correct": row["correct"],
        f"{field}_relevance": {
            "_cls": "Heatmap",
            "tags": [],
            "map": pack(heat),
            "range": [0, 255],
        },
    }
    for validator, verdict in said.verdicts.items():
        for name, value in verdict.items():
            if value is not None:
                found[f"{field}_{fold(validator)}_{name}"] = value
    return found


def _asked(row: dict[str, Any]) -> Sample:
    """Return what was asked and what people answered; nothing where nothing was asked.

    Of a caption it is the phrase, and what people wrote.
    """
    if "phrase" in row:
        return {"phrase": row["phrase"], "captions": row["references"]}
    if "input" not in row:
        return {}
    return {"question": row["input"], "answers": row["references"]}


def _said(view: View, row: dict[str, Any]) -> Sample:
    """Return what was predicted: a class, or the text that was written."""
    if "output" not in row:
        return _class(view, row["prediction"])
    return {"_cls": "Classification", "tags": [], "label": row["output"]}


def _class(view: View, at: int) -> Sample:
    name = view.classes[at] if 0 <= at < len(view.classes) else str(at)
    return {"_cls": "Classification", "tags": [], "label": name}


def pack(array: NDArray[np.uint8]) -> Sample:
    """Return an array as FiftyOne's JSON has it: compressed bytes of a ``.npy`` file."""
    with io.BytesIO() as file:
        np.save(file, array, allow_pickle=False)
        content = zlib.compress(file.getvalue())
    return {"$binary": {"base64": base64.b64encode(content).decode(), "subType": "00"}}
