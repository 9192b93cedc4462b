"""CVAT for images 1.1: a file of XML for each split; every fifth photo's objects are masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

from forms.coco import says_stored
from forms.outlines import Star, fill
from forms.photos import link
from forms.truth import LABELS, Truth
from forms.turning import stored_array, stored_points


def write_cvat(root: Path, photos: Path, truths: Sequence[Truth]) -> dict[str, Any]:
    """Write the form, and return its entry of a spec; a tag says the label of a bare photo."""
    root.mkdir(parents=True)
    labels = "".join(
        f"<label><name>{label}</name><attributes></attributes></label>"
        for label in reversed(LABELS)
    )
    meta = f"<meta><task><labels>{labels}</labels></task></meta>"
    for split in ("train", "val", "test"):
        chosen = [truth for truth in truths if truth.split == split]
        for truth in chosen:
            link(photos, truth, root / "images" / split / truth.name)
        images = "".join(_image(at, truth) for at, truth in enumerate(chosen))
        text = f'<?xml version="1.0" encoding="utf-8"?><annotations>{meta}{images}</annotations>'
        (root / f"{split}.xml").write_text(text, encoding="utf-8")
    return {"use": "datumaro", "root": str(root), "format": "cvat"}


def _image(at: int, truth: Truth) -> str:
    rows, columns = truth.stored if says_stored(truth) else truth.size
    tag = f'<tag label="{truth.label}" source="manual"></tag>'
    inner = "".join(_object(truth, star) for star in truth.stars) or tag
    name = quoteattr(truth.name)
    return f'<image id="{at}" name={name} width="{columns}" height="{rows}">{inner}</image>'


def _object(truth: Truth, star: Star) -> str:
    if truth.number % 5 == 0:
        return _runs(truth, star)
    points = star.points
    if says_stored(truth):
        points = stored_points(points, truth.orientation, truth.size)
    text = ";".join(f"{x:.2f},{y:.2f}" for x, y in points)
    return f'<polygon label="{truth.label}" occluded="0" points="{text}" z_order="0"></polygon>'


def _runs(truth: Truth, star: Star) -> str:
    """Write the runs of a mask, row by row within its box, False first."""
    mask = fill([star], truth.size)
    if says_stored(truth):
        mask = stored_array(mask, truth.orientation)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    top, left = int(rows[0]), int(columns[0])
    part = mask[top : rows[-1] + 1, left : columns[-1] + 1]
    counts, value = [0], False
    for pixel in part.ravel():
        if pixel != value:
            counts.append(0)
            value = not value
        counts[-1] += 1
    return (
        f'<mask label="{truth.label}" occluded="0" rle="{", ".join(map(str, counts))}" '
        f'left="{left}" top="{top}" width="{part.shape[1]}" height="{part.shape[0]}" '
        'z_order="0"></mask>'
    )
