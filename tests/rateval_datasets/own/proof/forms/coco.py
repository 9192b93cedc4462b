"""COCO's instances: outlines, and every fourth object as run lengths."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from forms.outlines import Mask, Star, fill
from forms.photos import link
from forms.truth import LABELS, Truth
from forms.turning import stored_array, stored_points

NUMBERS = {label: 10 * (len(LABELS) - at) for at, label in enumerate(LABELS)}
"""Neither from 1 nor in the order of the names, as in COCO itself."""


def says_stored(truth: Truth) -> bool:
    """Tell whether the annotator of a photo saw the stored pixels, as some tools show them.

    Only where that changes its size, for else nobody could know.
    """
    return truth.orientation > 4 and truth.number % 4 == 1


def write_coco(root: Path, photos: Path, truths: Sequence[Truth]) -> dict[str, Any]:
    """Write the form as datumaro expects it, and return its entry of a spec.

    A photo without an object has its folder's label alone, so all take that.
    """
    for split in ("train", "val", "test"):
        chosen = [truth for truth in truths if truth.split == split]
        for truth in chosen:
            link(photos, truth, root / "images" / split / truth.label / truth.name)
        path = root / "annotations" / f"instances_{split}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(instances(chosen)), encoding="utf-8")
    form = {"format": "coco_instances", "label": "folder"}
    return {"use": "datumaro", "root": str(root), **form}


def write_coco_files(root: Path, photos: Path, truths: Sequence[Truth]) -> dict[str, Any]:
    """Write the form, and return the entry that reads its files without datumaro."""
    write_coco(root, photos, truths)
    splits = ("train", "val", "test")
    files = {split: str(root / "annotations" / f"instances_{split}.json") for split in splits}
    folders = {split: str(root / "images" / split) for split in splits}
    return {"use": "coco", "annotations": files, "root": folders, "label": "folder"}


def write_folder_and_coco(root: Path, photos: Path, truths: Sequence[Truth]) -> dict[str, Any]:
    """Write class folders, and one file of instances as their evidence."""
    for truth in truths:
        link(photos, truth, root / "photos" / truth.split / truth.label / truth.name)
    (root / "objects.json").write_text(json.dumps(instances(truths)), encoding="utf-8")
    places = {"root": str(root / "photos"), "coco": str(root / "objects.json")}
    return {"use": "folder", **places}


def instances(truths: Sequence[Truth]) -> dict[str, Any]:
    """Return the content of one file; photos lie in the folders of their labels."""
    images, annotations = [], list[dict[str, Any]]()
    for truth in truths:
        rows, columns = truth.stored if says_stored(truth) else truth.size
        name = f"{truth.label}/{truth.name}"
        images.append({"id": truth.number, "file_name": name, "width": columns, "height": rows})
        for star in truth.stars:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": truth.number,
                    "category_id": NUMBERS[truth.label],
                    "iscrowd": 0,
                    **_shape(truth, star, as_runs=len(annotations) % 4 == 3),
                }
            )
    categories = [{"id": number, "name": label} for label, number in NUMBERS.items()]
    return {"images": images, "annotations": annotations, "categories": categories}


def _shape(truth: Truth, star: Star, *, as_runs: bool) -> dict[str, Any]:
    points, mask = star.points, fill([star], truth.size) if as_runs else None
    if says_stored(truth):
        points = stored_points(points, truth.orientation, truth.size)
        mask = None if mask is None else stored_array(mask, truth.orientation)
    xs, ys = ([point[at] for point in points] for at in (0, 1))
    box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    outline: Any = [[number for point in points for number in point]]
    return {"bbox": box, "area": box[2] * box[3], "segmentation": _runs(mask) or outline}


def _runs(mask: Mask | None) -> dict[str, Any] | None:
    """Return how long pixels of one value follow each other, column by column, False first."""
    if mask is None:
        return None
    flat = np.concatenate([[False], mask.ravel(order="F"), [False]])
    ends = np.flatnonzero(flat[1:] != flat[:-1])
    counts = np.diff(np.concatenate([[0], ends, [mask.size]]))
    return {"size": list(mask.shape), "counts": [int(count) for count in counts]}
