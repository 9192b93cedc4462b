"""Masks move as pixels do: a picture of the mask itself, shifted, equals the shifted mask."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from rateval.api import Sample
from rateval_shifts.reasons.places import shuffle, turn

MOVES = ("patch-shuffle", "crop", "rotate")
loose = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
sizes = st.tuples(st.integers(1, 61), st.integers(1, 47))


def picture_of(name: str, mask: NDArray[np.bool_]) -> Sample:
    """A sample whose image is its mask, in white on black."""
    pixels = np.repeat(mask[..., None], 3, axis=2).astype(np.uint8) * np.uint8(255)
    return Sample(name, Image.fromarray(pixels), 0, mask)


def draw_mask(size: tuple[int, int], seed: int, kind: str) -> NDArray[np.bool_]:
    width, height = size
    if kind == "speckled":
        return np.random.default_rng(seed).random((height, width)) < 0.4
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[height // 4 : height // 4 + 1 + height // 2, width // 3 : width // 3 + 1 + width // 4] = 1
    return mask


@pytest.mark.parametrize("name", MOVES)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    size=sizes,
    severity=st.integers(1, 5),
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(["speckled", "box"]),
)
def test_a_picture_of_the_mask_equals_the_shifted_mask(
    name: str, make: Any, size: tuple[int, int], severity: int, seed: int, kind: str
) -> None:
    sample = picture_of(f"id {seed}", draw_mask(size, seed, kind))
    after = make(name, severity=severity).apply(sample)
    seen = np.asarray(after.image)
    assert after.mask.shape == seen.shape[:2]
    assert ((seen[..., 0] > 127) == after.mask).all()
    if name != "rotate":  # nothing is mixed
        assert ((seen == 255).all(axis=2) == after.mask).all()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(size=sizes, severity=st.integers(1, 5), seed=st.integers(0, 10**6))
def test_patches_change_places_and_nothing_is_lost(
    make: Any, size: tuple[int, int], severity: int, seed: int
) -> None:
    width, height = size
    numbers = np.arange(width * height).reshape(height, width)
    pixels = np.stack([numbers % 256, numbers // 256, numbers * 0], axis=2).astype(np.uint8)
    sample = Sample(f"id {seed}", Image.fromarray(pixels), 0, None)
    after = np.asarray(make("patch-shuffle", severity=severity).apply(sample).image).astype(int)
    moved = after[..., 0] + 256 * after[..., 1]
    assert (np.sort(moved, axis=None) == numbers.ravel()).all()
    patches = (2, 3, 4, 6, 8)[severity - 1]
    down, across = min(patches, height), min(patches, width)
    tall, wide = height // down, width // across
    top, left = (height - down * tall) // 2, (width - across * wide) // 2
    outside = np.ones((height, width), dtype=bool)
    outside[top : top + down * tall, left : left + across * wide] = False
    assert (moved == numbers)[outside].all()
    if down * across > 1:
        assert not (moved == numbers)[~outside].any()  # no patch has its place
    # Within a patch everything is as it was.
    for row in range(down):
        for column in range(across):
            y, x = top + row * tall, left + column * wide
            patch = moved[y : y + tall, x : x + wide]
            corner = np.argwhere(numbers == patch[0, 0])[0]
            was = numbers[corner[0] : corner[0] + tall, corner[1] : corner[1] + wide]
            assert (patch == was).all()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9, 64])
def test_the_order_is_one_cycle_through_all(count: int) -> None:
    order, seen, at = shuffle("name", count), set[int](), 0
    while at not in seen:
        seen.add(at)
        at = order[at]
    assert len(seen) == count


def test_each_cycle_comes_as_often() -> None:
    orders = [tuple(shuffle(f"id {number}", 4)) for number in range(3000)]
    counts = np.array([orders.count(order) for order in sorted(set(orders))])
    assert len(counts) == 6  # (4 - 1)! cycles
    # Five standard deviations of a binomial of 1 in 6.
    assert (abs(counts - 500) < 5 * (3000 * 5 / 36) ** 0.5).all()


@pytest.mark.parametrize(("severity", "kept"), list(enumerate((0.9, 0.8, 0.7, 0.6, 0.5), start=1)))
def test_a_crop_is_a_part_of_the_image(make: Any, severity: int, kept: float) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (33, 50, 3), dtype=np.uint8)
    mask = pixels[..., 0] > 100
    size = round(50 * kept), round(33 * kept)
    corners = set()
    for number in range(30):
        sample = Sample(f"id {number}", Image.fromarray(pixels), 0, mask)
        after = make("crop", severity=severity).apply(sample)
        assert after.image.size == size
        found = [
            (top, left)
            for top in range(33 - size[1] + 1)
            for left in range(50 - size[0] + 1)
            if (pixels[top : top + size[1], left : left + size[0]] == np.asarray(after.image)).all()
        ]
        assert len(found) == 1
        (top, left) = found[0]
        assert (mask[top : top + size[1], left : left + size[0]] == after.mask).all()
        corners.add(found[0])
    assert len(corners) > 5


@pytest.mark.parametrize("degrees", [5.0, -20.0, 30.0, 45.0])
@pytest.mark.parametrize("size", [(40, 40), (57, 31), (31, 58)])
def test_a_turn_is_that_of_scipy_with_mirrored_borders(
    degrees: float, size: tuple[int, int]
) -> None:
    width, height = size
    values = np.random.default_rng(1).integers(0, 256, (height, width), dtype=np.uint8)
    turned = np.asarray(turn(Image.fromarray(values), degrees)).astype(np.float64)
    exact = ndimage.rotate(
        values.astype(np.float64), degrees, reshape=False, order=1, mode="reflect"
    )
    assert abs(turned - exact).max() < 1 + 1e-3  # Pillow cuts off what is beyond a whole number


def test_turns_go_to_both_sides(make: Any) -> None:
    mask = draw_mask((41, 41), 0, "box")
    after = [
        make("rotate", severity=5).apply(picture_of(f"id {number}", mask)) for number in range(200)
    ]
    left = sum(
        bool((np.asarray(one.image) == np.asarray(turn(picture_of("", mask).image, 45.0))).all())
        for one in after
    )
    assert 60 < left < 140


def test_what_a_mirrored_border_shows_of_the_object_is_evidence(make: Any) -> None:
    mask = np.zeros((40, 40), dtype=np.bool_)
    mask[:4] = True  # beyond the upper border its mirror image follows
    turned = make("rotate", severity=3).apply(picture_of("a", mask)).mask
    sides = [
        ndimage.rotate(mask.astype(float), degrees, reshape=False, order=1) > 0.5
        for degrees in (20, -20)
    ]
    alone = max(sides, key=lambda side: (side & turned).sum())
    assert (turned & alone).sum() > 0.95 * alone.sum()
    assert turned.sum() > 1.3 * alone.sum()


def test_a_crop_may_leave_nothing_of_the_object(make: Any) -> None:
    mask = np.zeros((40, 40), dtype=np.bool_)
    mask[0, 0] = True
    shift = make("crop", severity=5)
    left = sum(shift.apply(picture_of(f"id {n}", mask)).mask.any() for n in range(4000))
    assert 0 < left < 40  # where the crop is the corner's own, one of 441


def test_without_a_mask_images_move_alone(make: Any) -> None:
    sample = picture_of("a", draw_mask((30, 20), 3, "speckled"))
    for name in MOVES:
        after = make(name).apply(dataclasses.replace(sample, mask=None))
        assert after.mask is None
        assert after.image.tobytes() == make(name).apply(sample).image.tobytes()
