from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rateval.api import Sample

FORMS = [
    ("voc", ["mask", "outer box", "label"], "triangle_mask"),
    ("voc_detection", ["box"], "box_mask"),
    ("yolo", ["box"], "box_mask"),
    ("coco_instances", ["polygon"], "triangle_mask"),
    ("coco_instances", ["mask"], "triangle_mask"),
    ("cvat", ["polygon", "outer box"], "triangle_mask"),
    ("cvat", ["box", "label"], "box_mask"),
    ("cvat", ["mask"], "triangle_mask"),
    ("label_me", ["polygon"], "triangle_mask"),
    ("label_me", ["mask"], "triangle_mask"),
    ("datumaro", ["polygon"], "triangle_mask"),
    ("datumaro", ["mask", "outer box"], "triangle_mask"),
    ("open_images", ["label", "box"], "box_mask"),
    ("open_images", ["label", "mask", "outer box"], "triangle_mask"),
    ("camvid", ["mask"], "triangle_mask"),
]


@pytest.mark.parametrize(("form", "kinds", "draw"), FORMS, ids=lambda value: str(value)[:30])
def test_labels_splits_and_masks_are_those_that_were_exported(
    tmp_path: Path, make: Any, forms: Any, form: str, kinds: list[str], draw: str
) -> None:
    dataset = make(forms.export(tmp_path, form, kinds), format=form)
    assert dataset.classes == ("kettle", "mug")
    found = {"train": forms.samples(dataset.train), "val": forms.samples(dataset.test)}
    assert {split: len(rows) for split, rows in found.items()} == {"train": 2, "val": 3}
    for number, (split, label) in enumerate(forms.splits):
        one = found[split][f"photo{number}"]
        assert one.label == label
        assert one.image.size == forms.size_of(number)[::-1]
        assert one.mask is not None
        np.testing.assert_array_equal(one.mask, getattr(forms, draw)(forms.size_of(number)))


@pytest.mark.parametrize("form", ["cvat", "coco_instances", "label_me", "datumaro", "yolo"])
def test_auto_finds_the_format(tmp_path: Path, make: Any, forms: Any, form: str) -> None:
    root = forms.export(tmp_path, form, ["box" if form == "yolo" else "polygon"])
    said, found = make(root, format=form), make(root)
    assert said.test.identity == found.test.identity


def test_photos_without_objects_have_no_mask(tmp_path: Path, make: Any, forms: Any) -> None:
    dataset = make(forms.export(tmp_path, "imagenet_with_subset_dirs", ["label"]))
    assert not dataset.has_masks
    assert [one.mask for one in forms.samples(dataset.test).values()] == [None] * 3


@pytest.mark.parametrize(("form", "kinds", "draw"), FORMS[:3] + FORMS[8:9] + FORMS[11:14])
def test_threads_that_read_get_the_same(
    tmp_path: Path, make: Any, forms: Any, form: str, kinds: list[str], draw: str
) -> None:
    test = make(forms.export(tmp_path, form, kinds), format=form).test
    with ThreadPoolExecutor(2) as pool:
        rows = [row for rows in pool.map(lambda at: test.samples([at]), range(3)) for row in rows]
    for one in rows:
        assert isinstance(one, Sample)
        assert one.mask is not None
        np.testing.assert_array_equal(one.mask, getattr(forms, draw)(one.mask.shape))


@pytest.mark.parametrize(("form", "kinds", "draw"), FORMS, ids=lambda value: str(value)[:30])
def test_identity_is_that_of_the_content(
    tmp_path: Path, make: Any, forms: Any, form: str, kinds: list[str], draw: str
) -> None:
    root = forms.export(tmp_path / "one", form, kinds)
    shutil.copytree(root, tmp_path / "two")
    one, two = (make(tmp_path / name, format=form).test for name in ("one", "two"))
    assert one.identity == two.identity


def test_photos_of_trainval_are_in_their_parts(tmp_path: Path, make: Any, forms: Any) -> None:
    root = forms.export(tmp_path, "voc", ["box"])
    lists = root / "ImageSets" / "Main"
    both = "".join((lists / f"{name}.txt").read_text() for name in ("train", "val"))
    (lists / "trainval.txt").write_text(both)
    dataset = make(root)
    assert [len(dataset.train), len(dataset.test), dataset.unused] == [2, 3, {}]


def test_one_split_of_any_name_is_for_testing(tmp_path: Path, make: Any, forms: Any) -> None:
    items = [forms.item(at, "annotations", [forms.polygon(at % 2)]) for at in range(4)]
    root = forms.export_items(tmp_path, "cvat", items)
    assert [len(make(root).test), make(root).train] == [4, None]
    divided = make(root, split={"test": 0.5})
    assert [len(divided.test), len(divided.train)] == [2, 2]


def test_one_split_for_training_may_be_divided(
    tmp_path: Path, make: Any, forms: Any, refuse: Any
) -> None:
    items = [forms.item(at, "train", [forms.polygon(at % 2)]) for at in range(4)]
    root = forms.export_items(tmp_path, "cvat", items)
    assert "there is no split to test on, only train" in refuse(root)
    assert len(make(root, split={"test": 0.5}).test) == 2
    assert len(make(root, test_split="train").test) == 4


def test_identity_changes_with_a_shape(tmp_path: Path, make: Any, forms: Any) -> None:
    root = forms.export(tmp_path, "cvat", ["polygon"])
    before = make(root).test.identity
    for path in root.glob("*.xml"):
        path.write_text(path.read_text().replace("40.50,5.00", "40.50,6.00"))
    after = make(root).test.identity
    assert before != after
