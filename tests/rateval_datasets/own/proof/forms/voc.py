"""PASCAL VOC: labels in lists, objects as coloured pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image

from forms.outlines import fill
from forms.photos import link
from forms.truth import LABELS, Truth

_NAMES = ("background", *reversed(LABELS))


def _colour(number: int) -> tuple[int, int, int]:
    """Return VOC's colour of a number: its bits in turn are the highest of red, green and blue."""
    red = green = blue = 0
    for at in range(8):
        red |= (number >> (3 * at) & 1) << (7 - at)
        green |= (number >> (3 * at + 1) & 1) << (7 - at)
        blue |= (number >> (3 * at + 2) & 1) << (7 - at)
    return red, green, blue


_PALETTE = [part for number in range(256) for part in _colour(number)]


def write_voc(root: Path, photos: Path, truths: Sequence[Truth]) -> dict[str, Any]:
    """Write the form, and return its entry of a spec."""
    lines = [f"{name}:{','.join(map(str, _colour(at)))}::" for at, name in enumerate(_NAMES)]
    _write(root / "labelmap.txt", lines)
    for split in ("train", "val", "test"):
        chosen = [truth for truth in truths if truth.split == split]
        _write(root / "ImageSets/Main" / f"{split}.txt", [truth.stem for truth in chosen])
        for label in LABELS:
            said = [f"{truth.stem} {1 if truth.label == label else -1}" for truth in chosen]
            _write(root / "ImageSets/Main" / f"{label}_{split}.txt", said)
    for truth in truths:
        link(photos, truth, root / "JPEGImages" / truth.name)
        if truth.stars:
            _write(root / "Annotations" / f"{truth.stem}.xml", [_boxes(truth)])
            _draw(root, truth)
    return {"use": "datumaro", "root": str(root), "format": "voc"}


def _write(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _boxes(truth: Truth) -> str:
    objects = "".join(
        f"<object><name>{escape(truth.label)}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin>"
        f"<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
        for left, top, right, bottom in (star.box for star in truth.stars)
    )
    rows, columns = truth.size
    size = f"<size><width>{columns}</width><height>{rows}</height><depth>3</depth></size>"
    name = f"<filename>{escape(truth.name)}</filename>"
    return f"<annotation>{name}{size}{objects}</annotation>"


def _draw(root: Path, truth: Truth) -> None:
    """Draw the pixels of classes and those of objects, of which later ones cover earlier ones.

    Every other photo has classes alone, as many data sets do.
    """
    numbers = np.zeros(truth.size, dtype=np.uint8)
    for number, star in enumerate(truth.stars, 1):
        numbers[fill([star], truth.size)] = number
    classes = np.where(numbers > 0, _NAMES.index(truth.label), 0).astype(np.uint8)
    drawn = [("SegmentationClass", classes), ("SegmentationObject", numbers)]
    for folder, values in drawn[: 1 + truth.number % 2]:
        image = Image.fromarray(values, "P")
        image.putpalette(_PALETTE)
        (root / folder).mkdir(exist_ok=True)
        image.save(root / folder / f"{truth.stem}.png")
