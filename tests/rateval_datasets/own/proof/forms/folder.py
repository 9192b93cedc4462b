"""Class folders of splits, and a parallel folder of masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from forms.photos import link
from forms.truth import Truth


def write_folder(root: Path, photos: Path, truths: Sequence[Truth]) -> dict[str, Any]:
    """Write the form, and return its entry of a spec."""
    for truth in truths:
        link(photos, truth, root / "photos" / truth.split / truth.label / truth.name)
        if truth.mask is not None:
            target = root / "masks" / truth.label / f"{truth.stem}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(truth.mask).save(target)
    return {"use": "folder", "root": str(root / "photos"), "masks": str(root / "masks")}
