"""Small copies of ImageNet and ImageNet-C, in the formats of their official archives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

Box = tuple[str, int, int, int, int]
SYNSETS = """n01440764 tench, Tinca tinca
n02012849 crane
n03126707 crane
n03710637 maillot
n03710721 maillot, tank suit
"""
WNIDS = [line.split()[0] for line in SYNSETS.splitlines()]
VAL_BOXES: dict[str, list[Box]] = {
    "ILSVRC2012_val_00000001": [("n02012849", 3, 4, 20, 30)],
    "ILSVRC2012_val_00000002": [("n01440764", 0, 0, 9, 9), ("n01440764", 5, 5, 49, 12)],
    "ILSVRC2012_val_00000003": [("n03710721", 10, 8, 60, 90), ("n01440764", 0, 0, 3, 3)],
    "ILSVRC2012_val_00000004": [("n03126707", 30, 20, 30, 20)],
    "ILSVRC2012_val_00000005": [("n03710637", 2, 2, 47, 38)],
}
LABEL_OF = {stem: boxes[0][0] for stem, boxes in VAL_BOXES.items()}


@pytest.fixture
def kaggle(tools: Any, tmp_path: Path) -> Path:
    """Make ImageNet as Kaggle's archive unpacks."""
    root = tmp_path / "kaggle"
    base = root / "ILSVRC"
    rows = ["ImageId,PredictionString"]
    for stem, boxes in reversed(VAL_BOXES.items()):
        tools.draw(base / "Data" / "CLS-LOC" / "val" / f"{stem}.JPEG")
        tools.annotate(base / "Annotations" / "CLS-LOC" / "val" / f"{stem}.xml", boxes)
        said = " ".join(f"{name} {x1} {y1} {x2} {y2}" for name, x1, y1, x2, y2 in boxes)
        rows.append(f"{stem},{said} ")
    for wnid in WNIDS:
        for number in (7, 12):
            tools.draw(base / "Data" / "CLS-LOC" / "train" / wnid / f"{wnid}_{number}.JPEG")
        xml = base / "Annotations" / "CLS-LOC" / "train" / wnid / f"{wnid}_7.xml"
        tools.annotate(xml, [(wnid, 10, 10, 29, 19)], (80, 100))
    (root / "LOC_val_solution.csv").write_text("\n".join(rows) + "\n")
    (root / "LOC_synset_mapping.txt").write_text(SYNSETS)
    return root


@pytest.fixture
def folders(tools: Any, tmp_path: Path) -> Path:
    """Make ImageNet with one folder for each class, and its boxes beside it."""
    root = tmp_path / "folders"
    for stem, boxes in VAL_BOXES.items():
        tools.draw(root / "val" / LABEL_OF[stem] / f"{stem}.JPEG")
        tools.annotate(root / "boxes" / "val" / f"{stem}.xml", boxes)
    return root


@pytest.fixture
def imagenet_c(tools: Any, tmp_path: Path, folders: Path) -> Path:
    """Make fog/3 of ImageNet-C; its boxes are those of ``folders``."""
    root = tmp_path / "imagenet-c"
    for stem, wnid in LABEL_OF.items():
        tools.draw(root / "fog" / "3" / wnid / f"{stem}.JPEG", (224, 224))
    return root
