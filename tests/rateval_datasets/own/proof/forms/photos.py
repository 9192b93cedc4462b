"""The photos' files: written once, linked to from every form."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from forms.truth import LABELS, Truth
from forms.turning import stored_array

_COLOURS = ((200, 60, 40), (40, 170, 60), (50, 80, 210), (210, 190, 50))


def write_photos(folder: Path, truths: Sequence[Truth]) -> Path:
    """Write all photos into one folder, and return it."""
    folder.mkdir(parents=True)
    for truth in truths:
        _write(folder / truth.name, truth)
    return folder


def link(photos: Path, truth: Truth, target: Path) -> None:
    """Put a photo where a form has it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(photos / truth.name, target)


def pixels(truth: Truth) -> NDArray[np.uint8]:
    """Return (rows, columns, 3) as shown: a slope of grey, on it the objects in their colour."""
    rows, columns = truth.size
    slope = np.add.outer(np.linspace(0, 120, rows), np.linspace(0, 120, columns))
    drawn = np.repeat(slope.astype(np.uint8)[..., None], 3, axis=2)
    if truth.mask is not None:
        drawn[truth.mask] = _COLOURS[LABELS.index(truth.label)]
    return drawn


def _write(path: Path, truth: Truth) -> None:
    image = Image.fromarray(stored_array(pixels(truth), truth.orientation))
    options: dict[str, Any] = {}
    if truth.orientation > 1:
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = truth.orientation
    if truth.kind == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    elif truth.kind == "P":
        image = image.quantize(64)
    elif truth.kind == "L":
        image = image.convert("L")
    if path.suffix.lower() in (".jpg", ".jpeg"):
        options |= {"format": "JPEG", "quality": 90}
    image.save(path, **options)
    if truth.broken:
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 2 // 3])
