"""Caltech-101."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from rateval.api import Context, Dataset, RatevalError
from rateval.testing import check_component
from rateval_datasets.plugin import rateval_register_datasets
from rateval_datasets.public.caltech101 import make_caltech101
from rateval_datasets.public.params import Caltech101Params

(COMPONENT,) = [c for c in rateval_register_datasets() if c.name == "caltech101"]
# What tests/golden/mat5 holds: top and left of the box, then the outline relative to them.
OUTLINES = {
    "outline": (
        (3, 5),
        [(1.0, 2.5), (14.25, 1.0), (25.5, 9.75), (20.0, 17.0), (9.5, 12.25), (2.75, 16.5)],
    ),
    "star": (
        (10, 20),
        [(10.3, -15.1), (30.1, 20.2), (-5.2, 0.4), (25.4, -0.7), (14.6, 22.9)],
    ),
}


def make(root: Path, **params: Any) -> Dataset:
    return make_caltech101(Caltech101Params(root=root, **params), Context())


def both(tools: Any, dataset: Dataset) -> tuple[list[str], list[str]]:
    return tools.ids(dataset.train), tools.ids(dataset.test)


def test_classes_are_the_folders_without_the_background(caltech: Path) -> None:
    dataset = make(caltech, train_per_class=2)
    assert dataset.classes == ("faces", "faces easy", "motorbikes", "airplanes", "water lilly")
    assert dataset.has_masks


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Faces/image_0001.jpg", "outline"),
        ("Faces_easy/image_0004.jpg", "star"),
        ("Motorbikes/image_0003.jpg", "outline"),
        ("airplanes/image_0002.jpg", "star"),
        ("water_lilly/image_0001.jpg", "outline"),
    ],
)
def test_contours_are_filled(tools: Any, caltech: Path, name: str, kind: str) -> None:
    (top, left), points = OUTLINES[kind]
    dataset = make(caltech, train_per_class=1)
    split = dataset.test if name in tools.ids(dataset.test) else dataset.train
    # MATLAB's first pixel has its centre at 1, ours at 0.
    expected = tools.outline_mask([(x + left - 1, y + top - 1) for x, y in points], (40, 50))
    mask = tools.sample(split, name).mask
    np.testing.assert_array_equal(mask, expected, strict=True)
    assert mask.any()


def test_published_contours_are_cut_to_whole_pixels(tools: Any, caltech: Path) -> None:
    dataset = make(caltech, protocol="aaai25")
    assert dataset.train is not None
    (top, left), points = OUTLINES["star"]
    corners = [(int(x) + left, int(y) + top) for x, y in points]
    drawn = np.zeros((100, 100), dtype=np.uint8)  # with room for what leaves the image
    cv2.fillPoly(drawn, [np.array(corners, dtype=np.int32) + 30], 1)
    expected = drawn[30:70, 30:80]
    assert (expected > tools.outline_mask(corners, (40, 50))).sum() > 20  # the outline's own pixels
    sample = tools.sample(dataset.test, "Faces/image_0002.jpg")
    np.testing.assert_array_equal(sample.mask, tools.show(expected > 0, 224), strict=True)
    with Image.open(caltech / "101_ObjectCategories" / sample.id) as image:
        np.testing.assert_array_equal(np.asarray(sample.image), tools.show(image, 224))
    assert tools.sample(dataset.train, "Faces/image_0001.jpg").image.size == (50, 40)


def test_split_is_by_a_hash_of_the_names(tools: Any, caltech: Path) -> None:
    train, test = both(tools, make(caltech, train_per_class=2))
    assert (len(train), len(test)) == (10, 9)
    assert not set(train) & set(test)
    assert train == sorted(train)
    assert [name.partition("/")[0] for name in train] == [
        folder
        for folder in ("Faces", "Faces_easy", "Motorbikes", "airplanes", "water_lilly")
        for _ in range(2)
    ]
    assert both(tools, make(caltech, train_per_class=2)) == (train, test)
    others = [both(tools, make(caltech, train_per_class=2, split_seed=n))[0] for n in range(1, 4)]
    assert any(other != train for other in others)
    # More training images are added to the same ones.
    assert set(both(tools, make(caltech, train_per_class=1))[0]) < set(train)
    # A class more changes nothing for the others.
    shutil.rmtree(caltech / "101_ObjectCategories" / "Faces")
    assert both(tools, make(caltech, train_per_class=2))[0] == train[2:]


def test_split_is_the_same_everywhere(tools: Any, caltech: Path) -> None:
    # The smallest sha256 of "0/<path>" in each class, as any sha256 program gives it.
    assert both(tools, make(caltech, train_per_class=1))[0] == [
        "Faces/image_0004.jpg",
        "Faces_easy/image_0001.jpg",
        "Motorbikes/image_0003.jpg",
        "airplanes/image_0003.jpg",
        "water_lilly/image_0002.jpg",
    ]


def test_background_is_a_class_on_request(tools: Any, caltech: Path) -> None:
    dataset = make(caltech, background=True, train_per_class=2)
    assert dataset.classes[0] == "background google"
    (name,) = [name for name in tools.ids(dataset.test) if name.startswith("BACKGROUND")]
    assert tools.sample(dataset.test, name).mask is None


def test_published_classes_and_split(tools: Any, caltech: Path) -> None:
    (caltech / "Annotations/Faces_3/annotation_0001.mat").unlink()
    dataset = make(caltech, protocol="aaai25")
    assert dataset.classes[:2] == ("background google", "faces")
    train, test = both(tools, dataset)
    # 4 + 5 - 1 + 3 + 4 + 3 images have a contour; every fifth from the second on is for testing.
    assert test == [
        "Faces/image_0002.jpg",
        "Faces_easy/image_0004.jpg",
        "airplanes/image_0001.jpg",
        "water_lilly/image_0002.jpg",
    ]
    assert len(train) == 14
    assert "Faces_easy/image_0001.jpg" not in train
    assert tools.labels(dataset, dataset.test)["airplanes/image_0001.jpg"] == "airplanes"
    shutil.rmtree(caltech / "101_ObjectCategories" / "BACKGROUND_Google")
    assert make(caltech, protocol="aaai25").classes == dataset.classes


def test_broken_files_are_skipped(tools: Any, caltech: Path) -> None:
    damaged = caltech / "Annotations/water_lilly/annotation_0001.mat"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    (caltech / "101_ObjectCategories/water_lilly/image_0002.jpg").write_bytes(b"")
    shutil.copy(
        tools.golden / "mat5/kinds.mat", caltech / "Annotations/water_lilly/annotation_0003.mat"
    )
    dataset = make(caltech, train_per_class=1)
    reasons = tools.skipped(dataset.test) | tools.skipped(dataset.train)
    assert {name.partition("/")[2]: text.partition(":")[0] for name, text in reasons.items()} == {
        "image_0001.jpg": "unreadable evidence",
        "image_0002.jpg": "unreadable image",
        "image_0003.jpg": "unreadable evidence",
    }
    assert "UnidentifiedImageError" in reasons["water_lilly/image_0002.jpg"]
    assert "no variable 'box_coord'" in reasons["water_lilly/image_0003.jpg"]


def test_errors_say_what_to_do(caltech: Path) -> None:
    with pytest.raises(RatevalError, match="leaves no test image of Motorbikes, water_lilly; the"):
        make(caltech, train_per_class=3)
    with pytest.raises(ValidationError, match="fixes classes and split: leave out background"):
        Caltech101Params(root=caltech, protocol="aaai25", background=True)
    (caltech / "Annotations").rename(caltech / "annotations-gone")
    (caltech / "Annotations").mkdir()
    with pytest.raises(RatevalError, match=r"no file below .*/Annotations belongs to an image"):
        make(caltech)
    (caltech / "Annotations").rmdir()
    with pytest.raises(RatevalError, match=r"caltech101: no such folder: .*/Annotations; .*get"):
        make(caltech)


def test_caltech_refuses_equal_names_and_empty_folders(tools: Any, caltech: Path) -> None:
    images = caltech / "101_ObjectCategories"
    (images / "tmp").mkdir()
    message = tools.refusal(lambda: make(caltech, train_per_class=1))
    assert f"{images} holds folders without images: tmp;" in message
    for number in range(3):
        tools.draw(images / "tmp" / f"image_{number:04d}.jpg")
    (images / "tmp").rename(images / "Water_Lilly")
    message = tools.refusal(lambda: make(caltech, train_per_class=1))
    assert "class names occur twice: water lilly; make them differ" in message
    assert "(the folder Water_Lilly, the folder water_lilly)" in message


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are always Unicode")
def test_a_class_that_is_no_utf8_is_refused(tools: Any, caltech: Path) -> None:
    images = caltech / "101_ObjectCategories"
    (images / "airplanes").rename(images / os.fsdecode(b"caf\xe9"))
    message = tools.refusal(lambda: make(caltech, train_per_class=1))
    assert 'the class name "caf\\udce9" of the folder caf\\udce9 holds what is no text' in message


def test_the_published_split_of_caltech_needs_two_outlines(tools: Any, caltech: Path) -> None:
    files = sorted((caltech / "Annotations").rglob("*.mat"))
    for path in files[1:]:
        path.unlink()
    assert "no image is left for testing" in tools.refusal(lambda: make(caltech, protocol="aaai25"))


@pytest.mark.parametrize("params", [{"train_per_class": 2}, {"protocol": "aaai25"}])
def test_conformance(caltech: Path, params: dict[str, Any]) -> None:
    check_component(COMPONENT, "dataset", root=caltech, **params)
