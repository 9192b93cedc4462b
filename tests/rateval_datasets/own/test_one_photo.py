"""One photo is read as a folder's photos are, mask and EXIF included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rateval
from rateval.api import Sample, Skipped
from rateval.errors import RatevalError
from rateval.testing import check_dataset

TURNED = 8


def save_mask(kind: str, path: Path) -> None:
    values = np.zeros((30, 20), np.uint8)
    values[4:9, 3:17] = 2
    if kind == "palette":
        image = Image.fromarray(values).convert("P")
        image.putpalette([255, 255, 255] * 256)  # white throughout: indices count, not colours
    elif kind == "16 bits":
        image = Image.fromarray(values.astype(np.uint16))
    elif kind == "alpha":
        image = Image.merge(
            "LA", [Image.fromarray(one) for one in (values, np.full_like(values, 255))]
        )
    else:
        image = Image.fromarray(np.dstack([values * 0, values, values * 0]))
    image.save(path)


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("photos/cup", "photos/hot_plate", "masks/cup"):
        Path(folder).mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = TURNED
    Image.fromarray(pixels).save("photos/cup/1.jpg", exif=exif)
    Image.fromarray(pixels).save("photos/hot_plate/2.png")


def read(name: str, **params: Any) -> Sample | Skipped:
    return rateval.create("dataset", name, **params).test.samples([0])[0]


@pytest.mark.parametrize("kind", ["palette", "16 bits", "alpha", "colour"])
def test_samples_are_those_of_a_folder(in_folder: None, kind: str) -> None:
    save_mask(kind, Path("masks/cup/1.png"))
    one = read(
        "photo",
        image="photos/cup/1.jpg",
        mask="masks/cup/1.png",
        classes=("cup", "hot_plate"),
        label="cup",
    )
    other = read("folder", root="photos", masks="masks")
    assert isinstance(one, Sample) and isinstance(other, Sample)
    assert (one.label, one.notes) == (other.label, other.notes) == (0, ("turned by EXIF",))
    assert np.array_equal(np.asarray(one.image), np.asarray(other.image))
    assert one.mask is not None and other.mask is not None
    assert one.mask.sum() == 5 * 14
    assert np.array_equal(one.mask, other.mask)


def test_reasons_are_those_of_a_folder(in_folder: None) -> None:
    Image.new("L", (30, 20)).save("masks/cup/1.png")
    params = {"image": "photos/cup/1.jpg", "mask": "masks/cup/1.png", "classes": ("cup", "pan")}
    one, other = read("photo", **params), read("folder", root="photos", masks="masks")
    assert isinstance(one, Skipped) and isinstance(other, Skipped)
    assert one.reason == other.reason
    assert one.reason.endswith('set exif = "ignore"')
    assert isinstance(read("photo", **params, exif="ignore"), Sample)


def test_it_keeps_its_promises(in_folder: None) -> None:
    made = rateval.create(
        "dataset", "photo", image="photos/hot_plate/2.png", classes=("cup", "hot_plate")
    )
    check_dataset(made)
    assert made.classes == ("cup", "hot plate")
    assert not made.has_masks and made.train is None


def test_what_it_cannot_be_is_told(in_folder: None) -> None:
    image = "photos/cup/1.jpg"
    with pytest.raises(RatevalError, match="lacks mug, which photos have as label"):
        read("photo", image=image, classes=("cup", "pan"), label="mug")
    with pytest.raises(RatevalError, match="photos: is a folder; give one file"):
        read("photo", image="photos", classes=("cup", "pan"))
    with pytest.raises(RatevalError, match="JPEG doesn't keep the numbers"):
        read("photo", image=image, classes=("cup", "pan"), mask="mask.jpeg")
