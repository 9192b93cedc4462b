"""A mask goes where its image goes, whatever the transform is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from PIL import Image
from torchvision.transforms import (
    CenterCrop,
    Compose,
    InterpolationMode,
    Normalize,
    Resize,
    ToTensor,
)

from rateval.modelkit import Geometry


def _compose(*steps: Any) -> Compose:
    return Compose([*steps, ToTensor(), Normalize([0.5] * 3, [0.25] * 3)])


def test_the_image_goes_through_the_transform_itself() -> None:
    transform = _compose(Resize(16, InterpolationMode.BICUBIC), CenterCrop(16))
    pixels = np.random.default_rng(0).integers(0, 256, (40, 31, 3)).astype(np.uint8)
    image = Image.fromarray(pixels)
    assert torch.equal(Geometry(transform).image(image), transform(image))


def test_a_mask_is_resized_by_nearest_neighbour() -> None:
    mask = np.random.default_rng(0).random((37, 53)) < 0.3
    rows, cols = (
        np.floor((np.arange(size) + 0.5) * old / size).astype(np.int64)
        for size, old in ((16, 37), (24, 53))
    )
    moved = Geometry(_compose(Resize((16, 24), InterpolationMode.BICUBIC))).mask(mask)
    assert moved.dtype == torch.bool
    assert np.array_equal(moved.numpy(), mask[rows[:, None], cols])


@given(st.integers(20, 90), st.integers(20, 90))
def test_image_and_mask_stay_aligned(rows: int, cols: int) -> None:
    geometry = Geometry(_compose(Resize(18, InterpolationMode.BILINEAR), CenterCrop(16)))
    mask = np.zeros((rows, cols), dtype=np.bool_)
    mask[rows // 4 : rows // 4 * 3, cols // 3 : cols // 3 * 2] = True
    pixels = np.repeat(mask[:, :, None] * np.uint8(255), 3, axis=2)
    bright, moved = geometry.image(Image.fromarray(pixels))[0] > 0, geometry.mask(mask)
    assert moved.shape == (16, 16)
    for axis in (0, 1):
        one, other = (torch.nonzero(part.any(axis)).ravel() for part in (bright, moved))
        assert abs(int(one[0]) - int(other[0])) <= 1
        assert abs(int(one[-1]) - int(other[-1])) <= 1


@given(st.integers(20, 90), st.integers(20, 90))
def test_a_map_moves_as_resize_and_crop_say(rows: int, cols: int) -> None:
    """A ramp stays one, so that each value says where in the image it is from."""
    geometry = Geometry(_compose(Resize(18, InterpolationMode.BICUBIC), CenterCrop(16)))
    resized = tuple(int(18 * side / min(rows, cols)) for side in (rows, cols))
    for axis, (old, new) in enumerate(zip((rows, cols), resized, strict=True)):
        ramp = np.arange(old, dtype=np.float64)
        values = np.tile(ramp, (cols, 1)).T if axis == 0 else np.tile(ramp, (rows, 1))
        moved = geometry.relevance(values, (rows, cols)).numpy()
        assert moved.shape == (16, 16)
        places = round((new - 16) / 2) + np.arange(16)
        expected = (places + 0.5) * old / new - 0.5
        line = moved.mean(axis=1 - axis)
        inner = slice(2, -2)  # at the border there is nothing on the other side
        np.testing.assert_allclose(line[inner], expected[inner], rtol=0, atol=0.15 * old / new)
        np.testing.assert_allclose(moved.std(axis=1 - axis), 0, atol=1e-4)


@given(st.integers(20, 90), st.integers(20, 90), st.integers(0, 9))
def test_a_map_and_a_mask_stay_aligned(rows: int, cols: int, place: int) -> None:
    geometry = Geometry(_compose(Resize(18, InterpolationMode.BICUBIC), CenterCrop(16)))
    mask = np.zeros((rows, cols), dtype=np.bool_)
    mask[place : place + rows // 2, cols // 3 :] = True
    moved, map_of_it = geometry.mask(mask), geometry.relevance(mask.astype(np.float64), mask.shape)
    assert map_of_it.dtype == torch.float32
    assert map_of_it.min() >= 0
    assert map_of_it.max() <= 1 + 1e-6
    # They differ by the pixels of the border alone: two rows and one column.
    assert int(((map_of_it > 0.5) != moved).sum()) <= 3 * 16


def test_a_coarse_map_covers_the_image_and_what_is_padded_has_no_relevance() -> None:
    geometry = Geometry(_compose(CenterCrop(12)))
    carried = geometry.relevance(np.full((2, 3), 2.0), (8, 12))
    assert carried.shape == (12, 12)
    assert bool((carried[2:10] == 2).all())
    assert carried[:2].count_nonzero() == carried[10:].count_nonzero() == 0


def test_what_a_crop_pads_is_no_evidence() -> None:
    geometry = Geometry(_compose(CenterCrop(12)))
    mask = geometry.mask(np.ones((8, 12), dtype=np.bool_))
    assert mask.shape == (12, 12)
    assert int(mask.sum()) == 8 * 12


@pytest.mark.parametrize("interpolation", [InterpolationMode.BICUBIC, InterpolationMode.BILINEAR])
def test_the_transform_keeps_its_own_interpolation(interpolation: InterpolationMode) -> None:
    step = Resize(16, interpolation)
    Geometry(_compose(step)).mask(np.ones((8, 12), dtype=np.bool_))
    assert step.interpolation == interpolation
