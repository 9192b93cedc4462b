"""The same photos in class folders, in a table and in a COCO file: `init`, `validate` and `run`."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rateval as library

Rateval = Callable[..., Any]
BOXES = [(24, 20, 72, 60), (0, 0, 48, 40), (10, 30, 90, 70), (40, 8, 88, 56)]
"""Left, top, right, bottom, in turn."""
WAYS = {
    "folder": ["--data", "classes", "--masks", "masks"],
    "folder-coco": ["--data", "classes", "--masks", "annotations.json"],
    "table": ["--data", "photos.csv"],
    "table-coco": ["--data", "plain.csv", "--masks", "annotations.json"],
    "coco": ["--data", "photos", "--masks", "annotations.json"],
}


@pytest.fixture
def photos(tmp_path: Path) -> None:
    """12 photos in the folder that commands work in, listed in each way."""
    random = np.random.default_rng(0)
    for folder in ("classes/kettle", "classes/mug", "masks/kettle", "masks/mug", "photos"):
        (tmp_path / folder).mkdir(parents=True)
    rows = ["image,label,box,camera"]
    images, annotations = [], []
    for at in range(12):
        label = ("kettle", "mug")[at % 2]
        left, top, right, bottom = BOXES[at % 4]
        image = Image.fromarray(random.integers(0, 255, (80, 96, 3), np.uint8))
        image.save(tmp_path / f"photos/{at}.png")
        image.save(tmp_path / f"classes/{label}/{at}.png")
        images.append({"id": at, "file_name": f"{at}.png", "width": 96, "height": 80})
        mask = np.zeros((80, 96), np.uint8)
        mask[top:bottom, left:right] = 255
        Image.fromarray(mask).save(tmp_path / f"masks/{label}/{at}.png")
        rows.append(f'{at}.png,{label},"[{left}, {top}, {right}, {bottom}]",cam{at % 3}')
        box = [left, top, right - left, bottom - top]
        annotations.append({"id": at, "image_id": at, "category_id": at % 2 + 1, "bbox": box})
    categories = [{"id": 1, "name": "kettle"}, {"id": 2, "name": "mug"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    (tmp_path / "photos.csv").write_text("\n".join(rows) + "\n")
    plain = ["image,label,camera"]
    plain += [",".join((line.split(",")[0], line.split(",")[1], line[-4:])) for line in rows[1:]]
    (tmp_path / "plain.csv").write_text("\n".join(plain) + "\n")


def figures(record: Any) -> dict[str, Any]:
    """The values of the only cell's scores by their metrics, and the numbers of photos behind."""
    (cell,) = record.cells
    (evidence,) = cell.evidence
    values = {score.metric: score.value.value for score in evidence.scores}
    return {**values, **evidence.quadrants}


def test_every_way_to_list_them_makes_the_same_study(rateval: Rateval, photos: None) -> None:
    found: dict[str, Any] = {}
    for way, words in WAYS.items():
        done = rateval("init", f"{way}.toml", *words)
        assert (done.code, done.err) == (0, "")
        assert "12 photos to test on, none to train on" in done.out
        assert "12 can be read and 12 have evidence" in done.out
        (dataset,) = tomllib.loads(Path(f"{way}.toml").read_text())["dataset"]
        assert dataset["use"] == way.partition("-")[0]
        assert rateval("validate", f"{way}.toml").out.startswith(f"{way}.toml: valid: 1 cell")
        found[way] = library.run(f"{way}.toml", device="cpu")
        assert (found[way].status, found[way].cells[0].count) == ("finished", 12)
    assert set(figures(found["folder"])) >= {"accuracy", "pt", "ir"}
    assert None not in figures(found["folder"]).values()
    for record in found.values():
        assert figures(record) == figures(found["folder"])


def test_a_table_with_evidence_of_its_own_beside_a_file(rateval: Rateval, photos: None) -> None:
    done = rateval("init", "--data", "photos.csv", "--masks", "annotations.json")
    (dataset,) = tomllib.loads(Path("spec.toml").read_text())["dataset"]
    assert (dataset["coco"], dataset["boxes"]) == ("annotations.json", False)
    assert "box_format" not in dataset
    assert "that of annotations.json is taken, and not that of box in the table" in done.out
    done = rateval("init", "other.toml", "--data", "photos.csv", "--masks", "masks")
    assert done.code == 2
    assert "give the table alone, or a COCO file, annotations.json, as masks" in done.err
