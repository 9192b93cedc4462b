"""Objects of a COCO file as evidence of a table's photos."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import rateval
from rateval.api import Sample
from rateval.errors import RatevalError, SpecError

BOX = [2, 3, 4, 5]
"""Left, top, width, height."""


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shots").mkdir()
    for name in ("a", "b", "c"):
        Image.new("RGB", (20, 10)).save(f"shots/{name}.png")
    Path("photos.csv").write_text(
        "image,label,id\nshots/a.png,cup,first\nshots/b.png,pan,second\nshots/c.png,,third\n"
    )
    content = {
        "images": [
            {"id": at, "file_name": f"{name}.png", "width": 20, "height": 10}
            for at, name in enumerate("abc")
        ],
        "annotations": [
            {"id": 0, "image_id": 0, "category_id": 1, "bbox": BOX},
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": BOX},  # a cup on the photo of a pan
            {"id": 2, "image_id": 2, "category_id": 1, "bbox": BOX},
        ],
        "categories": [{"id": 1, "name": "cup"}, {"id": 2, "name": "pan"}],
    }
    Path("objects.json").write_text(json.dumps(content))


def test_objects_of_the_label_are_found_by_the_path(listed: None) -> None:
    dataset = rateval.create("dataset", "table", file="photos.csv", coco="objects.json")
    first, second, third = dataset.test.samples(range(3))
    assert isinstance(first, Sample) and first.mask is not None
    assert first.id == "first"
    left, top, width, height = BOX
    expected = np.zeros((10, 20), bool)
    expected[top : top + height, left : left + width] = True
    assert np.array_equal(first.mask, expected)
    assert isinstance(second, Sample) and (second.mask is None or not second.mask.any())
    assert not isinstance(third, Sample)
    assert "no label" in third.reason
    plain = rateval.create("dataset", "table", file="photos.csv")
    assert plain.test.identity != dataset.test.identity


def test_a_table_has_one_kind_of_evidence(listed: None) -> None:
    Path("boxed.csv").write_text('image,label,box\nshots/a.png,cup,"[1, 2, 3, 4]"\n')
    with pytest.raises(RatevalError, match=r"evidence of its own, as boxes;.*set boxes = false"):
        rateval.create("dataset", "table", file="boxed.csv", coco="objects.json")
    dataset = rateval.create("dataset", "table", file="boxed.csv", coco="objects.json", boxes=False)
    assert dataset.has_masks
    with pytest.raises(SpecError, match="crowds needs coco"):
        rateval.create("dataset", "table", file="photos.csv", crowds=False)
