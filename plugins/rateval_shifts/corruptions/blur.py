"""Blurs. Where they move pixels, the mask goes with them; blends of moved pictures take the union.

A blur that spreads evenly (defocus, Gaussian) moves nothing: its mask stays.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rateval_shifts.corruptions import constants
from rateval_shifts.corruptions.filters import (
    along,
    blur,
    convolve,
    gaussian_kernel,
    looking,
    trail,
)
from rateval_shifts.corruptions.picture import Mask, Picture, Plane, cut
from rateval_shifts.corruptions.streams import Stream
from rateval_shifts.corruptions.warping import resample, zoomed

_ONE_LEVEL = 65536 // 255
"""65,536ths of white that make one level."""


def gaussian_blur(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Blur by a Gaussian."""
    sigma = constants.GAUSSIAN_BLUR[severity - 1] * picture.scale
    return Picture(cut(blur(picture.pixels.astype(np.float32), sigma)), picture.mask)


def defocus_blur(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Blur by a disk whose edge is smoothed."""
    radius, alias, width = constants.DEFOCUS_BLUR[severity - 1]
    kernel = disk(radius * picture.scale, alias, width)
    return Picture(
        cut(convolve(picture.pixels.astype(np.float32), kernel, "reflect")), picture.mask
    )


@lru_cache(maxsize=32)
def disk(radius: float, alias: float, width: int) -> NDArray[np.float64]:
    """Return a disk's weights, smoothed by a Gaussian of ``width`` pixels, at least (17, 17).

    The smoothing is of the pixels' own edges, so it has one size at any resolution.

    >>> disk(3, 0.1, 3).shape, int((disk(3, 0.1, 3) > 0.001).sum())
    ((17, 17), 29)
    """
    half = max(8, math.ceil(radius))
    places = np.arange(-half, half + 1)
    inside = (places[:, None] ** 2 + places**2 <= radius**2).astype(np.float64)
    inside /= inside.sum()
    kernel = gaussian_kernel(alias, width // 2)
    for axis in (0, 1):
        inside = ndimage.correlate1d(inside, kernel, axis, mode="mirror")
    return inside


def glass_blur(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Blur, let pixels take the places of others, and blur again; the mask goes with them."""
    sigma, far, rounds = constants.GLASS_BLUR[severity - 1]
    sigma, far = sigma * picture.scale, max(1, round(far * picture.scale))
    height, width = picture.size
    sources = np.arange(height * width, dtype=np.int32)
    for _ in range(rounds):
        sources = np.take(sources, scattered(height, width, far, stream))
    before = cut(blur(picture.pixels.astype(np.float32), sigma)).reshape(-1, 3)
    moved = np.take(before, sources, axis=0).reshape(height, width, 3)
    mask = picture.mask
    if mask is not None:
        mask = np.take(mask.reshape(-1), sources).reshape(height, width)
    return Picture(cut(blur(moved.astype(np.float32), sigma)), mask)


def scattered(height: int, width: int, far: int, stream: Stream) -> NDArray[np.int32]:
    """Return which pixel's old level each one has after a round, (H * W,) int32.

    The published loop goes from the last pixel to the first and gives each the level that a
    random one near by has by then. (It means to swap the two, but numpy's views make it a copy,
    and the files were made so.) A pixel that was passed already has taken its level from another
    one: such chains are followed for all pixels at once, twice as far each time.
    """
    own = np.arange(height * width, dtype=np.int32)
    rows = np.arange(far + 1, height - far + 1, dtype=np.int32)[:, None]
    columns = np.arange(far + 1, width - far + 1, dtype=np.int32)[None, :]
    if rows.size == 0 or columns.size == 0:
        return own
    down, right = (stream.below(2 * far, rows.size, columns.size) - far for _ in range(2))
    at, others = rows * width + columns, (rows + down) * width + columns + right
    passed = (others > at) & (rows + down > far) & (rows + down <= height - far)
    passed &= (columns + right > far) & (columns + right <= width - far)
    # A place beyond all pixels stands for the level that a pixel had at first, where chains end.
    ends = own + own.size
    found = ends.copy()
    found[at] = np.where(passed, others, others + own.size)
    while bool((found < own.size).any()):
        found = np.take(np.concatenate([found, ends]), found)
    return found - own.size


def motion_blur(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Blur along a trail, at -45 to 45 degrees; the mask is where it adds a level to any pixel."""
    radius, sigma = constants.MOTION_BLUR[severity - 1]
    steps = trail(radius, sigma, stream.uniform(-45, 45), picture.scale)
    mask = picture.mask
    if mask is not None:
        seen = {at: share for at, share in steps.items() if share >= _ONE_LEVEL}
        mask = np.logical_or.reduce(looking(mask, seen))
    return Picture(along(picture.pixels, steps), mask)


def zoom_blur(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Average the picture and enlargements of its middle; the mask is the union of theirs."""
    levels = picture.pixels.astype(np.float32)
    mask = picture.mask
    seen = None if mask is None else mask.astype(np.float32)
    total, union = levels.copy(), mask
    zooms = np.arange(1, *constants.ZOOM_BLUR[severity - 1])
    for zoom in zooms.tolist():
        total += _enlarged(levels, zoom)
        if seen is not None and union is not None:
            union = union | _at_least_half(_enlarged(seen, zoom))
    total /= np.float32(len(zooms) + 1)
    return Picture(cut(total), union)


def _enlarged(levels: Plane, zoom: float) -> Plane:
    height, width = levels.shape[:2]
    return resample(levels, zoomed(height, zoom), zoomed(width, zoom))


def _at_least_half(levels: Plane) -> Mask:
    return np.asarray(levels >= 0.5)
