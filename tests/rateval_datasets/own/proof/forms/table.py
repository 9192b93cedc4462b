"""A table of JSON Lines, and one of CSV whose masks are files."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from forms.photos import link
from forms.truth import Truth


def write_table(root: Path, photos: Path, truths: Sequence[Truth]) -> dict[str, Any]:
    """Write the form with outlines, and return its entry of a spec."""
    lines = [
        {
            "image": _link(root, photos, truth),
            "label": truth.label,
            "split": truth.split,
            "polygon": [[n for point in s.points for n in point] for s in truth.stars] or None,
        }
        for truth in truths
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (root / "photos.jsonl").write_text(text, encoding="utf-8")
    return {"use": "table", "file": str(root / "photos.jsonl")}


def write_csv(root: Path, photos: Path, truths: Sequence[Truth]) -> dict[str, Any]:
    """Write the form with masks, and return its entry of a spec."""
    (root / "masks").mkdir(parents=True)
    with (root / "photos.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "label", "split", "mask"])
        for truth in truths:
            mask = f"masks/{truth.stem}.png" if truth.mask is not None else ""
            if truth.mask is not None:
                Image.fromarray(truth.mask).save(root / mask)
            rows.writerow([_link(root, photos, truth), truth.label, truth.split, mask])
    return {"use": "table", "file": str(root / "photos.csv")}


def _link(root: Path, photos: Path, truth: Truth) -> str:
    link(photos, truth, root / "photos" / truth.name)
    return f"photos/{truth.name}"
