"""Pixels looked up between pixels, by one addition and one product at a time.

numpy rounds each of these as IEEE 754 says, so results are equal on every platform.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rateval_shifts.corruptions.picture import Plane

Places = NDArray[np.float64]
Border = Literal["mirror", "reflect"]
"""``mirror``: c b | a b c; ``reflect``: b a | a b c."""

_BAND = 1 << 14
"""Pixels that are looked up at once: they stay in a core's cache, and memory small."""


def resample(levels: Plane, rows: Places, columns: Places) -> Plane:
    """Look up a grid of rows and columns within (H, W) or (H, W, C), linearly between them.

    >>> resample(np.array([[0, 10], [20, 30]], np.float32), np.array([0.5]), np.array([0, 0.25]))
    array([[10. , 12.5]], dtype=float32)
    """
    result = np.empty((len(rows), len(columns), *levels.shape[2:]), np.float32)
    for band in bands(len(rows), len(columns)):
        result[band] = _lerp(_lerp(levels, rows[band], 0), columns, 1)
    return result


def _lerp(levels: Plane, places: Places, axis: int) -> Plane:
    first, second, part = _between(places, levels.shape[axis])
    if axis == 0:
        share = part.reshape(-1, *[1] * (levels.ndim - 1))
    else:  # one for each channel, too: numpy's inner loops stay long
        share = np.repeat(part, levels[0, 0].size).reshape(-1, *levels.shape[2:])
    found = np.take(levels, first, axis=axis)
    found *= 1 - share
    after = np.take(levels, second, axis=axis)
    after *= share
    found += after
    return found


def zoomed(length: int, zoom: float, count: int | None = None) -> Places:
    """Return where the middle of a side is looked up when it is enlarged, float64.

    scipy's ``zoom`` of the middle ``ceil(length / zoom)`` pixels, then the middle ``length`` of
    what that yields: the published code does this. ``count`` says how many the middle has.

    >>> zoomed(4, 2.0).round(3).tolist()  # 1, 1.33, 1.67, 2 in a middle of two pixels
    [1.0, 1.333, 1.667, 2.0]
    """
    kept = math.ceil(length / zoom) if count is None else count
    whole = max(length, round(kept * zoom))
    first = 0 if count is not None else (length - kept) // 2
    places = np.arange(length, dtype=np.float64) + (whole - length) // 2
    return first + places * ((kept - 1) / max(whole - 1, 1))


def fold(places: Places, length: int, border: Border) -> Places:
    """Bring places outside a side back into [0, length - 1] by its border.

    >>> fold(np.array([-1.0, 3.0]), 3, "mirror").tolist(), fold(np.array([-1.0]), 3, "reflect")
    ([1.0, 1.0], array([0.]))
    """
    outside = (places < 0) | (places > length - 1)
    if not outside.any():
        return places
    folded = places.copy()
    folded[outside] = _folded(places[outside], length, border)
    return folded


def _folded(places: Places, length: int, border: Border) -> Places:
    if length == 1:
        return np.zeros_like(places)
    if border == "mirror":
        period = 2.0 * (length - 1)
        there = np.mod(places, period)
        return np.minimum(there, period - there)
    there = np.mod(places + 0.5, 2.0 * length)
    return np.clip(np.minimum(there, 2.0 * length - there) - 0.5, 0, length - 1)


def bands(height: int, width: int) -> Iterator[slice]:
    """Yield slices of rows that hold some 16,384 pixels each."""
    step = max(1, _BAND // width)
    for first in range(0, height, step):
        yield slice(first, min(first + step, height))


def look_up(planes: Sequence[Plane], rows: Places, columns: Places) -> list[Plane]:
    """Look up each of some (H, W) at (h, w) places within them, between four pixels each."""
    height, width = planes[0].shape
    above, below, down = _between(rows, height)
    left, right, across = _between(columns, width)
    up, back = 1 - down, 1 - across
    above *= width
    below *= width
    corners = [
        (above + left, up * back),
        (above + right, up * across),
        (below + left, down * back),
        (below + right, down * across),
    ]
    found = []
    for plane in planes:
        first, *others = (np.take(plane, at) * share for at, share in corners)
        for other in others:
            first += other
        found.append(first)
    return found


def _between(places: Places, length: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Plane]:
    """Return the pixel before each place, the one after it, and how far the way has gone."""
    first = np.clip(places, 0, length - 1).astype(np.intp)
    return first, np.minimum(first + 1, length - 1), (places - first).astype(np.float32)
