"""Filters that several corruptions share: each says which published one it equals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from rateval_shifts.corruptions.picture import Plane

_FAR = 128
"""Pixels from which on a kernel is applied through its spectrum, which is faster."""

_AT_ONCE = 1 << 21
"""Pixels that are transformed at once: some 50 MiB."""

Kind = TypeVar("Kind", bound=np.generic)

Steps = Mapping[tuple[int, int], int]
"""Weights in 65,536ths, by (rows, columns) from the pixel to where it looks."""


def gaussian_kernel(sigma: float, radius: int) -> NDArray[np.float64]:
    """Return a Gaussian's weights from -radius to radius, which sum to 1.

    >>> gaussian_kernel(0.5, 1).round(4).tolist()
    [0.1065, 0.787, 0.1065]
    """
    places = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (places / sigma) ** 2)
    return np.asarray(weights / weights.sum())


def blur(levels: Plane, sigma: float) -> Plane:
    """Blur (H, W) or (H, W, C) by a Gaussian of 4 sigma, its border repeated outwards.

    So does scikit-image's ``gaussian``, which the published code calls.
    """
    radius = int(4 * sigma + 0.5)
    if radius == 0:
        return levels
    kernel = gaussian_kernel(sigma, radius)
    if radius > _FAR:
        return convolve(levels, np.outer(kernel, kernel), "edge")
    for axis in (0, 1):
        levels = ndimage.correlate1d(levels, kernel, axis, output=np.float32, mode="nearest")
    return levels


def convolve(levels: Plane, kernel: NDArray[np.float64], border: str) -> Plane:
    """Apply a symmetric kernel to (H, W, C), one channel at a time; ``border`` as in ``np.pad``.

    Large pictures go in bands of rows, so that memory doesn't grow with their pixels.
    """
    rows, columns = kernel.shape[0] // 2, kernel.shape[1] // 2
    height, width = levels.shape[:2]
    step = max(4 * rows, _AT_ONCE // width, 1)
    result = np.empty_like(levels)
    for channel in range(levels.shape[2]):
        padded = np.pad(levels[:, :, channel], ((rows, rows), (columns, columns)), mode=border)  # type: ignore[call-overload]
        for first in range(0, height, step):
            part = padded[first : first + step + 2 * rows]
            result[first : first + step, :, channel] = _valid(part, kernel)
    return result


def _valid(levels: Plane, kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a kernel makes of the places where it lies within (H, W) altogether."""
    (height, width), (rows, columns) = levels.shape, kernel.shape
    # A cyclic sum is right from where the kernel is within on.
    shape = [fft.next_fast_len(length, real=True) for length in levels.shape]
    there = fft.rfft2(levels.astype(np.float64), shape)
    there *= fft.rfft2(kernel, shape)
    whole = fft.irfft2(there, shape, overwrite_x=True)
    return np.asarray(whole[rows - 1 : height, columns - 1 : width])


def smooth(field: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Blur (H, W) by a Gaussian of 3 sigma, its border mirrored edge by edge.

    That is the elastic transform's, at any sigma: a mirrored field's spectrum is its cosine
    transform, which a kernel multiplies.
    """
    rows, columns = (_response(length, sigma) for length in field.shape)
    spectrum = fft.dctn(field) * rows[:, None] * columns
    return np.asarray(fft.idctn(spectrum))


@lru_cache(maxsize=64)
def _response(length: int, sigma: float) -> NDArray[np.float64]:
    radius = int(3 * sigma + 0.5)
    kernel = gaussian_kernel(sigma, radius)[radius:]
    turns = np.outer(np.arange(length), np.arange(1, radius + 1)) * (math.pi / length)
    return np.asarray(kernel[0] + 2 * (np.cos(turns) @ kernel[1:]))


def trail(radius: float, sigma: float, angle: float, scale: float) -> Steps:
    """Return the steps of a motion blur by ImageMagick's definition.

    Weights are one half of a Gaussian of 2 radius + 1 places, 1 pixel apart at scale 1. At another
    scale they lie as much farther apart, so that it is the same trail at any resolution.

    >>> trail(1, 0.5, 0.0, 1.0)  # angle 0: towards the right
    {(0, 0): 57707, (0, 1): 7810, (0, 2): 19}
    """
    places = np.arange(2 * math.ceil(radius) + 1)
    weights = np.exp(-0.5 * (places / sigma) ** 2)
    shares = np.rint(65536 * weights / weights.sum()).astype(int)
    shares[0] += 65536 - shares.sum()
    down, right = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    steps: dict[tuple[int, int], int] = {}
    for place, share in zip(places.tolist(), shares.tolist(), strict=True):
        far = place * scale
        at = math.ceil(far * down - 0.5), math.ceil(far * right - 0.5)
        steps[at] = steps.get(at, 0) + share
    return steps


def along(levels: NDArray[np.uint8], steps: Steps) -> NDArray[np.uint8]:
    """Blur (H, W, …) along steps in whole numbers, its border repeated outwards.

    Sums stay below 255 x 65,536, and are rounded to the nearest level as ImageMagick does.
    """
    total = np.full(levels.shape, 1 << 15, np.int32)
    part = np.empty_like(total)
    views = looking(levels.astype(np.int32), steps)
    for view, share in zip(views, steps.values(), strict=True):
        np.multiply(view, np.int32(share), out=part)
        total += part
    total >>= 16
    return total.astype(np.uint8)


def looking(levels: NDArray[Kind], steps: Steps) -> list[NDArray[Kind]]:
    """Return what every pixel of (H, W, …) sees at each step, its border repeated outwards."""
    rows, columns = [row for row, _ in steps], [column for _, column in steps]
    above, left = max(0, -min(rows)), max(0, -min(columns))
    widths = ((above, max(0, *rows)), (left, max(0, *columns))) + ((0, 0),) * (levels.ndim - 2)
    padded = np.pad(levels, widths, mode="edge")
    height, width = levels.shape[:2]
    return [
        padded[above + row : above + row + height, left + column : left + column + width]
        for row, column in steps
    ]
