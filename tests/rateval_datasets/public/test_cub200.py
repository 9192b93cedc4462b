"""CUB-200-2011."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rateval.api import Context, Dataset, RatevalError
from rateval.testing import check_component
from rateval_datasets.plugin import rateval_register_datasets
from rateval_datasets.public.cub200 import make_cub200, read_segmentation
from rateval_datasets.public.params import Cub200Params
from rateval_datasets.view import View

(COMPONENT,) = [c for c in rateval_register_datasets() if c.name == "cub200"]
BLACK = "001.Black_footed_Albatross/Black_Footed_Albatross"
LAYSAN = "002.Laysan_Albatross/Laysan_Albatross"


def make(root: Path, **params: Any) -> Dataset:
    return make_cub200(Cub200Params(root=root, **params), Context())


def test_official_split_and_names(tools: Any, cub: Path) -> None:
    dataset = make(cub)
    assert dataset.classes == ("black footed albatross", "laysan albatross")
    assert tools.ids(dataset.train) == [f"{BLACK}_0046_18.jpg", f"{LAYSAN}_0033_658.jpg"]
    assert tools.labels(dataset, dataset.test) == {
        f"{BLACK}_0009_34.jpg": "black footed albatross",
        f"{BLACK}_0002_55.jpg": "black footed albatross",
        f"{LAYSAN}_0002_1027.jpg": "laysan albatross",
    }


def test_published_split_applies_the_flags_to_the_alphabetical_order(tools: Any, cub: Path) -> None:
    dataset = make(cub, protocol="aaai25")
    # Alphabetical: 0002_55, 0009_34, 0046_18; 0002_1027, 0033_658. The flags are 1 0 0 1 0.
    assert tools.ids(dataset.train) == [f"{BLACK}_0002_55.jpg", f"{LAYSAN}_0002_1027.jpg"]
    assert tools.labels(dataset, dataset.test) == {
        f"{BLACK}_0009_34.jpg": "black footed albatross",
        f"{BLACK}_0046_18.jpg": "black footed albatross",
        f"{LAYSAN}_0033_658.jpg": "laysan albatross",
    }


@pytest.mark.parametrize(("protocol", "annotators"), [("matched", 3), ("aaai25", 5)])
@pytest.mark.parametrize("inside", [False, True])
def test_masks(tools: Any, cub: Path, protocol: str, annotators: int, inside: bool) -> None:
    masks = cub / "segmentations"
    if inside:
        masks = masks.rename(cub / "CUB_200_2011" / "segmentations")
    dataset = make(cub, protocol=protocol)
    name = f"{BLACK}_0009_34.jpg"
    with Image.open((masks / name).with_suffix(".png")) as image:
        grey = tools.show(image, 256) if protocol == "aaai25" else np.asarray(image)
    mask = tools.sample(dataset.test, name).mask
    np.testing.assert_array_equal(mask, grey >= 51 * annotators, strict=True)
    assert 0 < mask.mean() < 1


@pytest.mark.parametrize(("protocol", "lowest"), [("matched", 128), ("aaai25", 255)])
def test_grey_values_between_the_steps(tools: Any, cub: Path, protocol: str, lowest: int) -> None:
    grey = np.resize(np.arange(256, dtype=np.uint8), (40, 50))
    name = f"{BLACK}_0009_34.jpg"
    Image.fromarray(grey).save((cub / "segmentations" / name).with_suffix(".png"))
    dataset = make(cub, protocol=protocol)
    if protocol == "aaai25":
        grey = tools.show(Image.fromarray(grey), 256)
    mask = tools.sample(dataset.test, name).mask
    np.testing.assert_array_equal(mask, grey >= lowest, strict=True)


def test_published_images_are_resized_and_cropped_for_testing_alone(tools: Any, cub: Path) -> None:
    dataset = make(cub, protocol="aaai25")
    sample = tools.sample(dataset.test, f"{BLACK}_0009_34.jpg")
    with Image.open(cub / "CUB_200_2011" / "images" / sample.id) as image:
        np.testing.assert_array_equal(np.asarray(sample.image), tools.show(image, 256))
    trained = tools.sample(dataset.train, f"{BLACK}_0002_55.jpg")
    assert trained.image.size == (50, 40)
    with Image.open((cub / "segmentations" / trained.id).with_suffix(".png")) as image:
        np.testing.assert_array_equal(trained.mask, np.asarray(image) == 255, strict=True)
    assert " resize=256 crop=224 " in dataset.test.identity
    assert dataset.train is not None
    assert "resize" not in dataset.train.identity


def test_root_may_be_the_inner_folder(tools: Any, cub: Path) -> None:
    (cub / "segmentations").rename(cub / "CUB_200_2011" / "segmentations")
    assert make(cub / "CUB_200_2011").test.identity == make(cub).test.identity


@pytest.mark.parametrize("number", range(4))
def test_published_masks_are_those_of_the_published_loader(
    tools: Any, tmp_path: Path, number: int
) -> None:
    """Where a mask's grey never reaches 255 both keep nothing."""
    golden = np.load(tools.golden / "masks_golden.npz")
    png = golden[f"cub_png_{number}"]
    Image.fromarray(png).save(tmp_path / "mask.png")
    image = Image.fromarray(png)
    published = read_segmentation(tmp_path / "mask.png", image, 255, View(256))
    np.testing.assert_array_equal(published, golden[f"cub_mask_{number}"] == 1, strict=True)
    matched = read_segmentation(tmp_path / "mask.png", image, 128)
    assert tools.show(matched, 256).sum() > published.sum()


def test_broken_files_are_skipped(tools: Any, cub: Path) -> None:
    masks = cub / "segmentations"
    Image.new("L", (50, 41)).save((masks / f"{BLACK}_0009_34.jpg").with_suffix(".png"))
    whole = (masks / f"{BLACK}_0002_55.jpg").with_suffix(".png")
    whole.write_bytes(whole.read_bytes()[:-200])
    (masks / f"{LAYSAN}_0002_1027.jpg").with_suffix(".png").unlink()
    dataset = make(cub)
    reasons = tools.skipped(dataset.test)
    assert set(reasons) == {f"{BLACK}_0009_34.jpg", f"{BLACK}_0002_55.jpg"}
    assert "50 x 41 pixels, the image 50 x 40" in reasons[f"{BLACK}_0009_34.jpg"]
    assert tools.sample(dataset.test, f"{LAYSAN}_0002_1027.jpg").mask is None


@pytest.mark.parametrize(
    "gone",
    ["images.txt", "image_class_labels.txt", "classes.txt", "train_test_split.txt", "images"],
)
def test_missing_parts_are_named(cub: Path, gone: str) -> None:
    (cub / "CUB_200_2011" / gone).rename(cub / "gone")
    with pytest.raises(RatevalError, match=f"cub200: no such .*/{gone}; its folder must hold CUB"):
        make(cub)


def test_missing_segmentations_are_named_with_both_places(cub: Path) -> None:
    (cub / "segmentations").rename(cub / "gone")
    with pytest.raises(RatevalError, match=r"/segmentations or .*/CUB_200_2011/segmentations"):
        make(cub)


def test_lists_that_do_not_fit_are_refused(cub: Path) -> None:
    lines = cub / "CUB_200_2011" / "train_test_split.txt"
    lines.write_text("1 1\n2 0\n")
    with pytest.raises(RatevalError, match=r"/images.txt:3: the image 3 is not in train_test_sp"):
        make(cub)
    lines.write_text("one 1\n")
    with pytest.raises(RatevalError, match='the line "one 1" is not "number value"'):
        make(cub)


@pytest.mark.parametrize("protocol", ["matched", "aaai25"])
def test_conformance(cub: Path, protocol: str) -> None:
    check_component(COMPONENT, "dataset", root=cub, protocol=protocol)
