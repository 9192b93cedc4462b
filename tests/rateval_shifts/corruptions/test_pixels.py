"""Pixel for pixel against the published steps, done naively in float64 on the same draws."""

from __future__ import annotations

import colorsys
import io
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from rateval.api import Sample
from rateval_shifts.corruptions.fields import frost_texture
from rateval_shifts.corruptions.shift import Corruption
from rateval_shifts.corruptions.streams import Stream
from rateval_shifts.params import CorruptionParams

Levels = NDArray[Any]
SEVERITIES = [1, 2, 3, 4, 5]
severities = pytest.mark.parametrize("severity", SEVERITIES)


def corrupted(sample: Sample, kind: str, severity: int) -> Levels:
    shift = Corruption(CorruptionParams(type=kind, severity=severity))
    return np.asarray(shift.apply(sample).image).astype(int)


def stream(sample: Sample, kind: str, severity: int) -> Stream:
    return Stream(0, sample.id, kind, severity)


def unit(image: Image.Image) -> Levels:
    return np.asarray(image) / 255.0


def stored(levels: Levels) -> Levels:
    """Cut to whole levels, as the files are."""
    return np.floor(np.clip(levels, 0, 1) * 255 + 1e-9).astype(int)


def assert_close(got: Levels, wanted: Levels, most: int = 1, share: float = 0.002) -> None:
    """Hold levels equal but for rounding: at most ``share`` differ, by at most ``most``."""
    difference = np.abs(got - wanted)
    assert difference.max() <= most
    assert (difference > 0).mean() <= share


def gaussian(levels: Levels, sigma: float) -> Levels:
    blurred = ndimage.gaussian_filter(levels, (sigma, sigma, 0), mode="nearest", truncate=4)
    return np.asarray(blurred)


@severities
def test_gaussian_blur(sample: Sample, severity: int) -> None:
    sigma = [1, 2, 3, 4, 6][severity - 1]
    wanted = stored(gaussian(unit(sample.image), sigma))
    assert_close(corrupted(sample, "gaussian_blur", severity), wanted)


@severities
def test_defocus_blur(sample: Sample, severity: int) -> None:
    cv2 = pytest.importorskip("cv2")
    radius, alias = [(3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)][severity - 1]
    half, width = (8, 3) if radius <= 8 else (radius, 5)
    ys, xs = np.mgrid[-half : half + 1, -half : half + 1]
    disk = (xs**2 + ys**2 <= radius**2).astype(np.float64)
    kernel = cv2.GaussianBlur(disk / disk.sum(), (width, width), sigmaX=alias)
    wanted = stored(cv2.filter2D(unit(sample.image), -1, kernel))
    assert_close(corrupted(sample, "defocus_blur", severity), wanted)


@severities
def test_zoom_blur(sample: Sample, severity: int) -> None:
    end, step = [(1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)][severity - 1]
    levels, zooms = unit(sample.image), np.arange(1, end, step)
    total = levels.copy()
    for zoom in zooms:
        kept = math.ceil(224 / zoom)
        top = (224 - kept) // 2
        middle = levels[top : top + kept, top : top + kept]
        large = ndimage.zoom(middle, (zoom, zoom, 1), order=1)
        trim = (large.shape[0] - 224) // 2
        total += large[trim : trim + 224, trim : trim + 224]
    wanted = stored(total / (len(zooms) + 1))
    assert_close(corrupted(sample, "zoom_blur", severity), wanted, share=0.02)


def trailed(levels: Levels, radius: int, sigma: float, angle: float) -> Levels:
    """Convolve as ImageMagick's MotionBlurImage does, one place of the trail after another."""
    width = 2 * radius + 1
    weights = [math.exp(-(i**2) / (2 * sigma**2)) for i in range(width)]
    height, columns = levels.shape[:2]
    total = np.zeros(levels.shape)
    for i, weight in enumerate(weights):
        right = math.ceil(i * math.cos(math.radians(angle)) - 0.5)
        down = math.ceil(i * math.sin(math.radians(angle)) - 0.5)
        rows = np.clip(np.arange(height) + down, 0, height - 1)
        across = np.clip(np.arange(columns) + right, 0, columns - 1)
        total += weight / sum(weights) * levels[rows[:, None], across]
    return total


@severities
def test_motion_blur(sample: Sample, severity: int) -> None:
    radius, sigma = [(10, 3), (15, 5), (15, 8), (15, 12), (20, 15)][severity - 1]
    angle = stream(sample, "motion_blur", severity).uniform(-45, 45)
    wanted = np.rint(trailed(np.asarray(sample.image) * 1.0, radius, sigma, angle)).astype(int)
    assert_close(corrupted(sample, "motion_blur", severity), wanted, share=0.02)


@severities
def test_glass_blur(sample: Sample, severity: int) -> None:
    sigma, far, rounds = [(0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)][
        severity - 1
    ]
    draws = stream(sample, "glass_blur", severity)
    x = stored(gaussian(unit(sample.image), sigma)).astype(np.uint8)
    mask = np.asarray(sample.mask).copy()
    side = 224 - 2 * far
    for _ in range(rounds):
        dys, dxs = (draws.below(2 * far, side, side) - far for _ in range(2))
        for h in range(224 - far, far, -1):
            for w in range(224 - far, far, -1):
                dy, dx = dys[h - far - 1, w - far - 1], dxs[h - far - 1, w - far - 1]
                # The views of numpy make this a copy from the place near by, not a swap.
                x[h, w], x[h + dy, w + dx] = x[h + dy, w + dx], x[h, w]
                mask[h, w] = mask[h + dy, w + dx]
    shift = Corruption(CorruptionParams(type="glass_blur", severity=severity))
    after = shift.apply(sample)
    assert_close(np.asarray(after.image).astype(int), stored(gaussian(x / 255, sigma)), share=0.01)
    assert np.array_equal(np.asarray(after.mask), mask)


@severities
def test_elastic_transform(sample: Sample, severity: int) -> None:
    reach, sigma, corner = [
        (488, 170.8, 24.4),
        (488, 19.52, 48.8),
        (12.2, 2.44, 4.88),
        (17.08, 2.44, 4.88),
        (29.28, 2.44, 4.88),
    ][severity - 1]
    draws = stream(sample, "elastic_transform", severity)
    before = np.array([[186, 186], [38, 186], [38, 38]]) * 1.0  # rows and columns
    after = before + draws.signs(3, 2) * corner
    homogeneous = np.column_stack([after, np.ones(3)])
    back = np.linalg.solve(homogeneous, before)  # from a place after to the one before
    ys, xs = np.mgrid[:224, :224] * 1.0
    turned_to = np.stack([ys, xs, np.ones_like(ys)], axis=-1) @ back
    moves = [
        ndimage.gaussian_filter(draws.signs(224, 224), sigma, mode="reflect", truncate=3) * reach
        for _ in range(2)
    ]

    def move(levels: Levels) -> Levels:
        at = [turned_to[..., 0], turned_to[..., 1]]
        turned = ndimage.map_coordinates(levels, at, order=1, mode="mirror")
        to = [ys + moves[0], xs + moves[1]]
        return np.asarray(ndimage.map_coordinates(turned, to, order=1, mode="reflect"))

    levels = unit(sample.image)
    wanted = stored(np.stack([move(levels[..., i]) for i in range(3)], axis=-1))
    assert_close(corrupted(sample, "elastic_transform", severity), wanted, share=0.02)


@severities
@pytest.mark.parametrize("kind", ["brightness", "saturate"])
def test_hsv(sample: Sample, kind: str, severity: int) -> None:
    factor, more = [(0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2)][severity - 1]
    rows = np.asarray(sample.image)[::7, ::7]
    image = np.concatenate([rows, [[[k, k, k] for k in range(0, 256, 8)]]], axis=0)
    wanted = np.zeros(image.shape)
    for place in np.ndindex(image.shape[:2]):
        hue, saturation, value = colorsys.rgb_to_hsv(*(image[place] / 255))
        if kind == "brightness":
            value = min(value + severity / 10, 1)
        else:
            saturation = min(max(saturation * factor + more, 0), 1)
        wanted[place] = colorsys.hsv_to_rgb(hue, saturation, value)
    part = Sample("a", Image.fromarray(image.astype(np.uint8)), 0, None)
    assert_close(corrupted(part, kind, severity), stored(wanted), share=0.01)


@severities
def test_contrast(sample: Sample, severity: int) -> None:
    left, levels = [0.4, 0.3, 0.2, 0.1, 0.05][severity - 1], unit(sample.image)
    mean = levels.mean(axis=(0, 1))
    assert_close(corrupted(sample, "contrast", severity), stored((levels - mean) * left + mean))


@severities
def test_pixelate_and_jpeg(sample: Sample, severity: int) -> None:
    side = int(224 * [0.6, 0.5, 0.4, 0.3, 0.25][severity - 1])
    small = sample.image.resize((side, side), Image.Resampling.BOX)
    wanted = np.asarray(small.resize((224, 224), Image.Resampling.BOX))
    assert np.array_equal(corrupted(sample, "pixelate", severity), wanted)
    file = io.BytesIO()
    sample.image.save(file, "JPEG", quality=[25, 18, 15, 10, 7][severity - 1])
    assert np.array_equal(
        corrupted(sample, "jpeg_compression", severity), np.asarray(Image.open(file))
    )


@severities
def test_fog(sample: Sample, severity: int) -> None:
    weight, decay = [(1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)][severity - 1]
    draws, field = stream(sample, "fog", severity), np.zeros((256, 256))
    step, wibble = 256, 100.0

    def fill(first: tuple[int, int], around: list[tuple[int, int]]) -> None:
        # One point after another, each from four around it; the map wraps around.
        signs = draws.signs(256 // step, 256 // step)
        for h in range(first[0], 256, step):
            for w in range(first[1], 256, step):
                mean = sum(field[(h + a) % 256, (w + b) % 256] for a, b in around) / 4
                field[h, w] = mean + wibble * wibble * signs[h // step, w // step]

    while step >= 2:
        half = step // 2
        fill((half, half), [(a, b) for a in (-half, half) for b in (-half, half)])
        beside = [(-half, 0), (half, 0), (0, -half), (0, half)]
        fill((0, half), beside)
        fill((half, 0), beside)
        step, wibble = half, wibble / decay
    field = (field - field.min()) / (field.max() - field.min())
    levels = unit(sample.image)
    wanted = (levels + weight * field[:224, :224, None]) * levels.max() / (levels.max() + weight)
    assert_close(corrupted(sample, "fog", severity), stored(wanted), share=0.01)


@severities
def test_frost_lays_its_texture_as_published(sample: Sample, severity: int) -> None:
    own, ice = [(1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)][severity - 1]
    texture = frost_texture((224, 224), stream(sample, "frost", severity)).astype(np.float64)
    wanted = stored(own * unit(sample.image) + ice * texture / 255)
    assert_close(corrupted(sample, "frost", severity), wanted, share=0.01)
