"""Wrong arguments are told all at once, before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rateval.errors import RatevalError, SpecError
from rateval.live.arguments import read_data
from rateval.live.images import GivenDataset
from rateval.live.pictures import UnfitError, read_image, read_mask

CLASSES = ("kettle", "mug")


def picture(size: tuple[int, int] = (4, 3)) -> Image.Image:
    return Image.new("RGB", size, "#102030")


def read(
    images: Any = None,
    labels: Any = (0, 1),
    masks: Any = None,
    classes: Any = CLASSES,
    passes: int = 1,
) -> GivenDataset:
    images = [picture(), picture()] if images is None else images
    return read_data(images, labels, masks, classes, passes=passes)[0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"images": "photos"}, "images: is 'photos'; give a list of images"),
        ({"images": 3}, "images: is 3; give a list of images"),
        ({"images": [picture()]}, "images: has 1, and labels 2; give one for each image"),
        (
            {"images": [picture(), np.zeros((3, 4, 4), np.float32)]},
            r"images\[1\]: is \(3, 4, 4\) float32; give a PIL image",
        ),
        ({"images": [picture(), "no.png"]}, r"images\[1\] = 'no.png': there is no such file"),
        (
            {"images": [Image.new("F", (2, 2)), picture()]},
            r"images\[0\]: is an image of mode F, .*; convert it to RGB",
        ),
        ({"images": (picture() for _ in CLASSES), "passes": 2}, "images: can be read but once"),
        ({"labels": 1}, "labels: is 1; give a class for each image"),
        ({"labels": []}, "labels: is empty"),
        (
            {"labels": ["kettel", 1]},
            r'labels\[0\] = "kettel": no such class; did you mean "kettle"',
        ),
        ({"labels": [0, 2]}, r"labels\[1\] = 2: must be a whole number from 0 to 1, or a name"),
        ({"labels": [0, True]}, r"labels\[1\]: is True; give a whole number"),
        ({"labels": [0, 1.0]}, r"labels\[1\]: is 1.0; give a whole number"),
        ({"classes": "kettle"}, "classes: is 'kettle'; give the names"),
        ({"classes": ("mug", "mug")}, 'classes: names "mug" more than once'),
        ({"classes": ("mug", 3)}, r"classes\[1\]: is 3, no text"),
        ({"masks": [None]}, "masks: has 1, and labels 2"),
        ({"masks": 0.5}, "masks: is 0.5; give one for each image, or None"),
        (
            {"masks": [None, np.zeros((3, 4), np.uint8)]},
            r"masks\[1\]: is \(3, 4\) uint8; give an array \(H, W\) bool.*`mask > 0`",
        ),
        (
            {"masks": [np.zeros((4, 3), bool), None]},
            r"masks\[0\]: is of 4 x 3 pixels .*, and its image of 3 x 4",
        ),
    ],
)
def test_one_thing_is_wrong(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=f"^rateval.evaluate: {message}") as caught:
        read(**given)
    assert len(caught.value.problems) == 1


def test_everything_is_told_at_once() -> None:
    images = [*[None] * 14, picture()]
    with pytest.raises(SpecError) as caught:
        read(images, [0] * 14 + ["mgu"], [None] * 3, ("mug", "mug"))
    told = [problem.where.removeprefix("rateval.evaluate: ") for problem in caught.value.problems]
    listed = [f"images[{at}]" for at in range(10)]
    assert told == ["classes", 'labels[14] = "mgu"', *listed, "images", "masks"]
    assert caught.value.problems[-2].what == "4 more like these"


def test_datasets_are_read_when_asked_for() -> None:
    read_at: list[int] = []

    class Lazy:
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> tuple[Image.Image, str]:
            read_at.append(index)
            return picture(), "label"

    split = read(Lazy()).test
    assert read_at == [0]  # the first one, to see what they are
    assert [sample.id for sample in split.samples([1])] == ["000001"]
    assert read_at == [0, 1]


def test_a_tensor_dataset_is_refused_at_once() -> None:
    tensors = torch.utils.data.TensorDataset(torch.zeros(2, 3, 4, 4))
    with pytest.raises(SpecError, match=r"images\[0\]: is \(3, 4, 4\) float32; give a PIL image"):
        read(tensors)


def test_iterables_are_read_in_order_and_may_start_anew() -> None:
    class Stream:
        def __iter__(self) -> Any:
            return iter([picture((2, 2)), picture((3, 3))])

    split = read(Stream(), passes=3).test
    for indices in ([0, 1], [1], [0]):
        sizes = [sample.image.width for sample in split.samples(indices)]  # type: ignore[union-attr]
        assert sizes == [index + 2 for index in indices]
    once = read(iter([picture(), picture()])).test
    once.samples([1])
    with pytest.raises(RatevalError, match=r"images\[0\]: is asked for again"):
        once.samples([0])
    with pytest.raises(RatevalError, match="images ends after 1 of 2 labels"):
        read(iter([picture()])).test.samples([1])


def test_unreadable_files_are_skipped(tmp_path: Path) -> None:
    whole, torn = tmp_path / "a/x.png", tmp_path / "b/x.png"
    for path in (whole, torn):
        path.parent.mkdir()
        picture().save(path)
    torn.write_bytes(torn.read_bytes()[:40])
    split = read([whole, torn]).test
    found = split.samples([0, 1])
    assert [sample.id for sample in found] == ["a/x.png", "b/x.png"]
    assert "image cannot be read: " in found[1].reason  # type: ignore[union-attr]
    assert found[1].damaged  # type: ignore[union-attr]


def test_a_mask_that_shows_its_size_late() -> None:
    split = read(iter([picture(), picture()]), masks=[np.zeros((9, 9), bool), None]).test
    with pytest.raises(RatevalError, match=r"masks\[0\] is of 9 x 9 pixels"):
        split.samples([0])


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({}, False),
        ({"labels": (1, 1)}, True),
        ({"images": [picture(), picture((3, 4))]}, True),
        ({"masks": [np.ones((3, 4), bool), None]}, True),
        ({"images": iter([picture(), picture()])}, True),
    ],
)
def test_identity_is_of_the_content(change: dict[str, Any], differs: bool) -> None:
    assert (read(**change).test.identity != read().test.identity) is differs


def test_pictures_of_every_kind(tmp_path: Path) -> None:
    turned = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    picture((4, 2)).save(turned, exif=exif)
    image, notes = read_image(turned)
    assert (image.size, notes) == ((2, 4), ("turned by EXIF",))
    glass = Image.new("RGBA", (1, 1), (0, 0, 0, 0))
    image, notes = read_image(glass)
    assert (image.getpixel((0, 0)), notes) == ((255, 255, 255), ("transparent pixels",))
    for mode in ("L", "CMYK", "P", "1"):
        assert read_image(Image.new(mode, (2, 2)))[0].mode == "RGB"
    with pytest.raises(UnfitError, match="mode I;16"):
        deep = tmp_path / "deep.png"
        Image.new("I;16", (2, 2)).save(deep)
        read_image(deep)


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGB", "RGBA"])
def test_masks_of_files(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "mask.png"
    drawn = Image.new(mode, (3, 2))
    if mode == "RGBA":
        drawn.putalpha(255)
    drawn.putpixel((2, 1), {"RGB": (0, 7, 0), "RGBA": (0, 7, 0, 255)}.get(mode, 1))
    drawn.save(path)
    mask = read_mask(str(path))
    assert mask is not None
    assert mask.dtype == np.bool_
    assert np.argwhere(mask).tolist() == [[1, 2]]


def test_the_call_is_refused_before_the_model_runs(evaluate: Callable[..., Any]) -> None:
    with pytest.raises(RatevalError, match=r"model is 3, which lacks card, depth, .*rateval\.wrap"):
        evaluate(3)
