"""One picture: its pixels, and nothing else that a file said."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from rateval.api.values import Sample, Skipped
from rateval.store.tables.pictures import decode_mask
from rateval.workbench.pictures import Images, Look, see_all
from rateval.workbench.views import Frame

FRAME = Frame((64,), (64, 64), "bicubic")


class Split:
    """Samples that are there."""

    identity = "photos"

    def __init__(self, *samples: Sample | Skipped) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def samples(self, indices: Any) -> list[Sample | Skipped]:
        return [self._samples[index] for index in indices]


def see(*samples: Sample | Skipped, frame: Frame = FRAME) -> list[dict[str, Any]]:
    images = Images(Split(*samples), None, readers=3)
    seen = see_all(
        images, [Look(("clip",), frame.crop, frame)], [(at, None) for at in range(len(samples))]
    )
    return [one.shown[0] for one in seen]


def opened(row: dict[str, Any]) -> Image.Image:
    picture = Image.open(io.BytesIO(row["picture"]))
    assert (picture.format, picture.mode) == ("WEBP", "RGB")
    assert picture.size == (row["width"], row["height"])
    return picture


def test_nothing_that_a_file_says_beside_its_pixels_is_kept() -> None:
    photo = Image.new("RGB", (300, 200), (10, 200, 90))
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    exif[0x8825] = {1: "N", 2: (48.0, 12.0, 0.0)}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = io.BytesIO()
    photo.save(file, "JPEG", exif=exif, icc_profile=profile, comment=b"secret word")
    loaded = Image.open(io.BytesIO(file.getvalue()))
    loaded.load()
    assert loaded.info.keys() >= {"exif", "icc_profile", "comment"}  # or nothing could be lost
    (row,) = see(Sample("a", loaded, 0, None))
    picture = opened(row)
    assert dict(picture.getexif()) == {}
    assert picture.info.keys().isdisjoint({"exif", "icc_profile", "xmp", "comment"})
    for word in (b"secret", b"EXIF", b"ICCP", b"XMP "):
        assert word not in row["picture"]


def test_a_flat_photo_keeps_its_colour_and_a_mask_its_place() -> None:
    photo = Image.new("RGB", (80, 160), (30, 90, 200))
    mask = np.zeros((160, 80), dtype=bool)
    mask[40:80, 20:40] = True
    (row,) = see(Sample("a", photo, 0, mask))
    pixels = np.asarray(opened(row), dtype=int)
    assert np.abs(pixels - [30, 90, 200]).max() <= 5  # WebP loses some
    expected = np.zeros((64, 64), dtype=bool)
    expected[0:32, 16:32] = True  # the crop begins 32 of 128 rows down, at a scale of 0.8
    assert np.array_equal(decode_mask(row["mask"], 64, 64), expected)


@pytest.mark.parametrize(
    ("frame", "size"),
    [
        (Frame((512, 384), (512, 384), "bicubic"), (192, 256)),
        (Frame((257,), (257, 257), "bicubic"), (256, 256)),
        (Frame((64,), (64, 64), "bicubic"), (64, 64)),
    ],
)
def test_only_large_views_are_shrunk_and_masks_follow(frame: Frame, size: tuple[int, int]) -> None:
    photo = Image.new("RGB", (600, 600))
    mask = np.zeros((600, 600), dtype=bool)
    mask[:300] = True
    (row,) = see(Sample("a", photo, 0, mask), frame=frame)
    assert opened(row).size == size
    found = decode_mask(row["mask"], size[1], size[0])
    assert np.array_equal(found, np.arange(size[1])[:, None] < np.full(size[0], size[1] // 2))


def test_a_photo_that_cannot_be_read_says_why() -> None:
    photo = Image.new("RGB", (64, 64))
    rows = see(Sample("a", photo, 0, None), Skipped("b", "cut short"), Sample("c", photo, 0, None))
    assert [row.get("undefined") for row in rows] == [None, "cut short", None]
    assert [row.get("mask") for row in rows] == [None, None, None]
    assert "picture" not in rows[1]
