"""Ultralytics' YOLO with outlines: shares of a photo's sides, six digits of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forms.outlines import Star
from forms.photos import link
from forms.truth import LABELS, Truth

_NAMES = tuple(reversed(LABELS))
DIGITS = 6


def write_yolo(root: Path, photos: Path, truths: Sequence[Truth]) -> dict[str, Any]:
    """Write the form, and return its entry of a spec.

    A photo without an object has its folder's label alone, so all take that.
    """
    root.mkdir(parents=True)
    names = "".join(f"  {at}: {name}\n" for at, name in enumerate(_NAMES))
    splits = "".join(f"{split}: images/{split}\n" for split in ("train", "val", "test"))
    (root / "data.yaml").write_text(f"path: .\n{splits}names:\n{names}", encoding="utf-8")
    for truth in truths:
        place = f"{truth.split}/{truth.label}"
        link(photos, truth, root / "images" / place / truth.name)
        target = root / "labels" / place / f"{truth.stem}.txt"
        target.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{_NAMES.index(truth.label)} {_shares(truth, star)}\n" for star in truth.stars]
        target.write_text("".join(lines), encoding="utf-8")
    return {"use": "datumaro", "root": str(root), "format": "yolo", "label": "folder"}


def _shares(truth: Truth, star: Star) -> str:
    rows, columns = truth.size
    return " ".join(f"{x / columns:.{DIGITS}f} {y / rows:.{DIGITS}f}" for x, y in star.points)
