"""The part of an image that a view shows, against the arithmetic of resize and crop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize, ToTensor

from rateval.inspection.views import Onlooker, UsualView
from rateval.inspection.visible import Box, find_visible
from rateval.modelkit import Geometry

SIZES = [(300, 400), (400, 300), (224, 224), (100, 31), (30, 900), (1000, 1499), (225, 224)]
"""Rows and columns."""


@pytest.mark.parametrize("size", SIZES)
def test_the_usual_view_is_that_of_torchvision(size: tuple[int, int]) -> None:
    steps = [Resize(224, InterpolationMode.BICUBIC), CenterCrop(224), ToTensor()]
    geometry, view = Geometry(Compose(steps)), UsualView()
    rng = np.random.default_rng(0)
    mask = rng.random(size) < 0.3
    np.testing.assert_array_equal(view.mask(mask), geometry.mask(mask).numpy())
    image = Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    expected = torch.round(geometry.image(image) * 255).byte().permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(np.asarray(view.image(image)), expected)


@pytest.mark.parametrize("size", SIZES)
def test_a_centre_crop_is_found_to_about_a_pixel_of_the_view(size: tuple[int, int]) -> None:
    box = find_visible(size, UsualView().mask)
    shortest = min(size)
    pixel = shortest / 224
    ends = ((box.top, box.bottom), (box.left, box.right))
    for length, (first, end) in zip(size, ends, strict=True):
        assert first == pytest.approx((length - shortest) / 2, abs=pixel + 1)
        assert end == pytest.approx((length + shortest) / 2, abs=pixel + 1)


@pytest.mark.parametrize("size", SIZES)
def test_a_squeezed_image_is_seen_whole(size: tuple[int, int]) -> None:
    steps = [Resize((32, 48), InterpolationMode.BILINEAR), ToTensor()]
    geometry = Geometry(Compose(steps))
    box = find_visible(size, lambda mask: geometry.mask(mask).numpy())
    assert box == Box(0, size[0], 0, size[1])


def test_a_view_may_show_a_corner_or_pad_or_show_nothing() -> None:
    assert find_visible((50, 70), lambda mask: mask[40:, :9]) == Box(40, 50, 0, 9)
    assert find_visible((50, 70), lambda mask: np.pad(mask, 5)) == Box(0, 50, 0, 70)
    assert find_visible((5, 7), lambda mask: mask[:0]) == Box(0, 0, 0, 0)


def test_the_lost_share_is_that_of_the_pixels_outside() -> None:
    onlooker = Onlooker(UsualView())
    mask: NDArray[np.bool_] = np.zeros((300, 500), dtype=np.bool_)
    mask[10:60, 80:140] = True  # columns 100 to 399 are shown
    seen, lost = onlooker.look(mask)
    assert lost == pytest.approx(20 / 60, abs=2 / 60)
    assert seen == pytest.approx(50 * 40 / 300**2, rel=0.05)
