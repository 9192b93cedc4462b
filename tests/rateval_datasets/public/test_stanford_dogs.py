"""Stanford Dogs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rateval.api import Context, Dataset, RatevalError
from rateval.testing import check_component
from rateval_datasets.plugin import rateval_register_datasets
from rateval_datasets.public.params import StanfordDogsParams
from rateval_datasets.public.stanford_dogs import make_stanford_dogs

(COMPONENT,) = [c for c in rateval_register_datasets() if c.name == "stanford-dogs"]
SHIH_TZU = "n02086240-Shih-Tzu/n02086240"
COONHOUND = "n02089078-black-and-tan_coonhound/n02089078"


def make(root: Path, **params: Any) -> Dataset:
    return make_stanford_dogs(StanfordDogsParams(root=root, **params), Context())


@pytest.mark.parametrize("where", [".", "lists"])
def test_official_split_and_whole_names(tools: Any, dogs: Path, where: str) -> None:
    (dogs / where).mkdir(exist_ok=True)
    for part in ("train", "test"):
        (dogs / f"{part}_list.mat").rename(dogs / where / f"{part}_list.mat")
    dataset = make(dogs)
    assert dataset.classes == ("chihuahua", "shih-tzu", "black-and-tan coonhound")
    assert len(tools.ids(dataset.train)) == 4
    assert tools.labels(dataset, dataset.test) == {
        "n02085620-Chihuahua/n02085620_5.jpg": "chihuahua",
        f"{SHIH_TZU}_6.jpg": "shih-tzu",
        f"{SHIH_TZU}_7.jpg": "shih-tzu",
        f"{COONHOUND}_8.jpg": "black-and-tan coonhound",
        f"{COONHOUND}_9.jpg": "black-and-tan coonhound",
    }


def test_evidence_is_the_union_of_boxes(tools: Any, dogs: Path) -> None:
    mask = tools.sample(make(dogs).test, f"{SHIH_TZU}_6.jpg").mask
    boxes = [("", 0, 0, 10, 10), ("", 30, 20, 44, 39)]
    np.testing.assert_array_equal(mask, tools.box_mask(boxes), strict=True)


def test_published_evidence_is_the_last_box(tools: Any, dogs: Path) -> None:
    dataset = make(dogs, protocol="aaai25")
    mask = tools.sample(dataset.test, f"{SHIH_TZU}_6.jpg").mask
    last = tools.box_mask([("", 30, 20, 44, 39)])
    np.testing.assert_array_equal(mask, tools.show(last, 224), strict=True)
    assert dataset.classes == ("chihuahua", "shih", "black")
    assert dataset.test.identity != make(dogs).test.identity


def test_boxes_go_to_the_size_of_the_image(tools: Any, dogs: Path) -> None:
    path = dogs / "Annotation" / f"{SHIH_TZU}_6"
    tools.annotate(path, [("Shih-Tzu", 20, 10, 39, 29)], (80, 100))
    matched = tools.sample(make(dogs).test, f"{SHIH_TZU}_6.jpg").mask
    np.testing.assert_array_equal(matched, tools.box_mask([("", 10, 5, 19, 14)]), strict=True)
    published = tools.sample(make(dogs, protocol="aaai25").test, f"{SHIH_TZU}_6.jpg").mask
    unscaled = tools.box_mask([("", 20, 10, 39, 29)])
    np.testing.assert_array_equal(published, tools.show(unscaled, 224), strict=True)


def test_published_images_are_resized_and_cropped_for_testing_alone(tools: Any, dogs: Path) -> None:
    dataset = make(dogs, protocol="aaai25")
    sample = tools.sample(dataset.test, f"{SHIH_TZU}_6.jpg")
    with Image.open(dogs / "Images" / sample.id) as image:
        np.testing.assert_array_equal(np.asarray(sample.image), tools.show(image, 224))
    trained = tools.sample(dataset.train, f"{SHIH_TZU}_3.jpg")
    assert trained.image.size == (50, 40)
    assert trained.mask.shape == (40, 50)
    assert " resize=224 crop=224 " in dataset.test.identity
    assert dataset.train is not None
    assert "resize" not in dataset.train.identity


def test_grey_images_are_read_but_crash_the_published_code(tools: Any, dogs: Path) -> None:
    sample = tools.sample(make(dogs).test, f"{SHIH_TZU}_7.jpg")
    with Image.open(dogs / "Images" / sample.id) as image:
        assert image.mode == "L"
        grey = np.asarray(image)
    np.testing.assert_array_equal(np.asarray(sample.image), np.stack([grey] * 3, axis=2))
    published = make(dogs, protocol="aaai25").test
    reasons = tools.skipped(published)
    assert set(reasons) == {f"{SHIH_TZU}_7.jpg"}
    assert "mode L crashes the published code" in reasons[f"{SHIH_TZU}_7.jpg"]
    assert tools.sample(published, f"{COONHOUND}_9.jpg").image.mode == "RGB"


def test_broken_files_are_skipped(tools: Any, dogs: Path) -> None:
    (dogs / "Images" / f"{SHIH_TZU}_6.jpg").unlink()
    (dogs / "Annotation" / f"{SHIH_TZU}_7").write_text("<!DOCTYPE a><annotation/>")
    (dogs / "Annotation" / f"{COONHOUND}_8").unlink()
    dataset = make(dogs)
    reasons = tools.skipped(dataset.test)
    assert set(reasons) == {f"{SHIH_TZU}_6.jpg", f"{SHIH_TZU}_7.jpg"}
    assert "document type" in reasons[f"{SHIH_TZU}_7.jpg"]
    assert tools.sample(dataset.test, f"{COONHOUND}_8.jpg").mask is None


@pytest.mark.parametrize("gone", ["Images", "Annotation", "train_list.mat", "test_list.mat"])
def test_missing_parts_are_named(dogs: Path, gone: str) -> None:
    (dogs / gone).rename(dogs / "gone")
    with pytest.raises(RatevalError, match=f"stanford-dogs: no such .*/{gone}.*lists.tar"):
        make(dogs)


def test_a_damaged_list_is_named(dogs: Path) -> None:
    (dogs / "test_list.mat").write_bytes(b"x")
    with pytest.raises(RatevalError, match=r"test_list.mat cannot be read: not a little-endian"):
        make(dogs)


@pytest.mark.parametrize("protocol", ["matched", "aaai25"])
def test_conformance(dogs: Path, protocol: str) -> None:
    check_component(COMPONENT, "dataset", root=dogs, protocol=protocol)
