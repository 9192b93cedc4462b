"""Backgrounds and objects changed alone, each against what it should be."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from rateval.api import Sample, Skipped


def scene(size: tuple[int, int] = (64, 48)) -> Any:
    width, height = size
    yy, xx = np.mgrid[:height, :width]
    pixels = np.stack([(xx * 3) % 256, (yy * 5) % 256, (xx + yy) % 256], axis=2).astype(np.uint8)
    mask = (abs(xx - width // 2) < width // 5) & (abs(yy - height // 2) < height // 5)
    pixels[mask] = (255, 0, 255)
    return Sample("scene", Image.fromarray(pixels), 0, mask)


@pytest.mark.parametrize("kind", ["blur", "grey", "noise", "remove"])
def test_objects_stay_whatever_becomes_of_the_background(kind: str, make: Any) -> None:
    sample = scene()
    after = make("background", type=kind).apply(sample)
    pixels = np.asarray(after.image)
    assert (pixels[sample.mask] == (255, 0, 255)).all()
    outside = pixels[~sample.mask]
    if kind == "grey":
        assert (outside == 128).all()
    if kind == "remove":
        assert (outside == 255).all()


def test_a_blur_is_a_gaussian_of_a_tenth_of_the_shorter_side(make: Any) -> None:
    sample = scene((160, 120))
    after = np.asarray(make("background", type="blur").apply(sample).image).astype(float)
    before = np.asarray(sample.image).astype(float)
    exact = ndimage.gaussian_filter(before, (12, 12, 0), mode="nearest")
    difference = abs(after - exact)[~sample.mask]
    # Pillow's is made of three boxes.
    assert difference.mean() < 1.5
    assert abs(before - exact)[~sample.mask].mean() > 20


def test_noise_is_uniform_and_the_same_everywhere(make: Any) -> None:
    sample = dataclasses.replace(scene((201, 203)), id="noise of this")
    after = np.asarray(make("background", type="noise").apply(sample).image)
    counts = np.bincount(after[~sample.mask].ravel(), minlength=256)
    expected = counts.sum() / 256
    assert ((counts - expected) ** 2 / expected).sum() < 255 + 5 * (2 * 255) ** 0.5
    # Bytes of Philox, little end first: made once, and to be met on every platform.
    assert hashlib.sha256(after.tobytes()).hexdigest()[:16] == "2bfdb895d4dc4079"
    other = make("background", type="noise").apply(dataclasses.replace(sample, id="other"))
    assert (np.asarray(other.image) != after)[~sample.mask].mean() > 0.9


def test_an_object_filled_in_leaves_nothing_of_its_colour(make: Any) -> None:
    for size in ((64, 48), (65, 49), (1300, 700)):
        sample = scene(size)
        pixels = np.asarray(sample.image)
        flat = np.where(sample.mask[..., None], pixels, (40, 90, 60)).astype(np.uint8)
        sample = dataclasses.replace(sample, image=Image.fromarray(flat))
        after = make("object", type="remove").apply(sample)
        difference = abs(np.asarray(after.image).astype(int) - (40, 90, 60))
        assert difference.max() <= 12  # inpainting rounds again and again
        assert (after.mask == sample.mask).all()  # it says where the object was


def test_an_object_in_grey_shows_its_outline_and_no_more(make: Any) -> None:
    sample = scene()
    after = np.asarray(make("object", type="grey").apply(sample).image)
    before = np.asarray(sample.image)
    region = ndimage.binary_dilation(sample.mask, np.ones((3, 3), bool))  # 1 pixel of 48 / 64
    assert (after[region] == 128).all()
    assert (after[~region] == before[~region]).all()


def test_large_images_are_filled_in_small_and_keep_all_else(make: Any) -> None:
    sample = scene((1500, 1100))
    after = np.asarray(make("object", type="remove").apply(sample).image)
    region = ndimage.binary_dilation(sample.mask, np.ones((35, 35), bool))  # 17 of 1100 / 64
    assert (after[~region] == np.asarray(sample.image)[~region]).all()
    assert after.shape == (1100, 1500, 3)


def test_an_object_whose_edge_covers_the_image_is_skipped(make: Any) -> None:
    mask = np.ones((5, 5), dtype=bool)
    mask[0, 0] = False
    sample = Sample("a", Image.new("RGB", (5, 5)), 0, mask)
    after = make("object", type="remove").apply(sample)
    assert after == Skipped("a", "mask of nearly the whole image, where its shift fills it in")
    assert isinstance(make("background").apply(sample), Sample)


def test_a_large_object_of_which_nothing_is_left_when_small_is_skipped(make: Any) -> None:
    mask = np.ones((2000, 2000), dtype=bool)
    mask[0, 0] = False
    sample = Sample("a", Image.new("RGB", (2000, 2000)), 0, mask)
    assert isinstance(make("object", type="remove").apply(sample), Skipped)
