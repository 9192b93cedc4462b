"""Filters and fields against scipy's own, in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from rateval_shifts.corruptions import filters
from rateval_shifts.corruptions.elastic import affine
from rateval_shifts.corruptions.fields import Grid, plasma
from rateval_shifts.corruptions.filters import blur, convolve, smooth, trail
from rateval_shifts.corruptions.streams import Stream, normal_table
from rateval_shifts.corruptions.warping import fold, look_up, resample

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("sigma", [0.05, 0.3, 4.0, 40.0])
@pytest.mark.parametrize("shape", [(50, 70, 3), (1, 9, 3)])
def test_blur_is_scipys_by_either_way(
    monkeypatch: pytest.MonkeyPatch, sigma: float, shape: tuple[int, ...]
) -> None:
    levels = (RNG.random(shape) * 255).astype(np.float32)
    wanted = ndimage.gaussian_filter(levels * 1.0, (sigma, sigma, 0), mode="nearest", truncate=4)
    for far in (0, 1000):
        monkeypatch.setattr(filters, "_FAR", far)
        assert np.abs(blur(levels, sigma) - wanted).max() < 1e-4


@pytest.mark.parametrize("at_once", [1 << 21, 300])
@pytest.mark.parametrize("shape", [(40, 31, 3), (2, 60, 3), (1, 1, 3)])
def test_a_kernel_is_applied_as_scipy_does(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], at_once: int
) -> None:
    monkeypatch.setattr(filters, "_AT_ONCE", at_once)  # fewer than all: in bands of rows
    levels, kernel = RNG.random(shape).astype(np.float32), RNG.random((9, 7))
    kernel += kernel[::-1, ::-1]
    kernel /= kernel.sum()
    wanted = ndimage.correlate(levels * 1.0, kernel[:, :, None], mode="mirror")
    assert np.abs(convolve(levels, kernel, "reflect") - wanted).max() < 1e-6


@pytest.mark.parametrize("sigma", [0.8, 19.5, 170.8])
def test_smoothing_by_cosines_is_scipys(sigma: float) -> None:
    field = RNG.random((61, 48))
    wanted = ndimage.gaussian_filter(field, sigma, mode="reflect", truncate=3)
    assert np.abs(smooth(field, sigma) - wanted).max() < 1e-12


def test_places_between_pixels_are_scipys() -> None:
    plane = RNG.random((30, 41)).astype(np.float32)
    rows, columns = RNG.uniform(-90, 90, (25, 17)), RNG.uniform(-90, 90, (25, 17))
    for border in ("mirror", "reflect"):
        wanted = ndimage.map_coordinates(plane * 1.0, [rows, columns], order=1, mode=border)
        (found,) = look_up([plane], fold(rows, 30, border), fold(columns, 41, border))
        assert np.abs(found - wanted).max() < 1e-5
    grid = RNG.uniform(0, 29, 7), RNG.uniform(0, 40, 5)
    wanted = ndimage.map_coordinates(plane * 1.0, np.meshgrid(*grid, indexing="ij"), order=1)
    assert np.abs(resample(plane, *grid) - wanted).max() < 1e-5


@pytest.mark.parametrize("scale", [0.05, 1.0, 2.3])
@pytest.mark.parametrize("angle", [-135.0, -45.0, 0.0, 30.0])
def test_a_trail_is_one_whole_and_as_long_as_its_scale(angle: float, scale: float) -> None:
    steps = trail(20, 15, angle, scale)
    assert sum(steps.values()) == 65536
    far = max(math.hypot(*step) for step in steps)
    assert far == pytest.approx(40 * scale, abs=1)


def test_three_points_are_taken_to_three_others() -> None:
    before, after = RNG.random((3, 2)) * 100, RNG.random((3, 2)) * 100
    rows, columns = affine(before.tolist(), after.tolist())
    for point, wanted in zip(before, after, strict=True):
        found = [by[0] + by[1] * point[0] + by[2] * point[1] for by in (rows, columns)]
        assert found == pytest.approx(wanted.tolist())
    assert affine([(0, 0)] * 3, [(5, 5)] * 3) == ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def test_a_strip_has_no_more_points_than_it_needs() -> None:
    assert Grid(1, 100_000).shape == (1, 3584)
    assert Grid(224, 224 * 16).shape == (224, 3584)


def test_large_plasma_is_enlarged_and_in_range() -> None:
    field = plasma(1500, 40, 2.0, Stream(0))
    assert field.shape == (1500, 40)
    assert field.min() >= 0
    assert field.max() <= 1
    assert np.abs(np.diff(field, axis=0)).max() < 0.05


def test_drawn_numbers_are_as_likely_as_they_should_be() -> None:
    stream = Stream(0, "a")
    normals = stream.normals(1000, 200_000) / 1000
    assert normals.mean() == pytest.approx(0, abs=0.01)
    assert normals.std() == pytest.approx(1, abs=0.01)
    assert (normals > 1.96).mean() == pytest.approx(0.025, abs=0.002)
    assert np.bincount(stream.below(4, 200_000)).tolist() == pytest.approx([50_000] * 4, rel=0.02)
    assert abs(normal_table(1.0)).max() == 4
