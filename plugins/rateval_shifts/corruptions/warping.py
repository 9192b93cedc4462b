"""Pixels looked up between pixels, by one addition and one product at a time.

numpy rounds each of these as IEEE 754 says, so results are equal on every platform.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rateval_shifts.corruptions.picture import Plane

Places = NDArray[np.float64]
Border = Literal["mirror", "reflect"]
"""``mirror``: c b | a b c; ``reflect``: b a | a b c."""

_BAND = 1 << 18
"""Pixels that are looked up at once: what is needed besides stays small for any picture."""


def lerp(levels: Plane, places: Places, axis: int) -> Plane:
    """Look up whole rows (axis 0) or columns (1) of (H, W, …) at places within it.

    >>> lerp(np.array([[0.0, 10.0]], np.float32), np.array([0.25, 1.0]), 1).tolist()
    [[2.5, 10.0]]
    """
    first, second, part = _between(places, levels.shape[axis])
    shape = [1] * levels.ndim
    shape[axis] = -1
    share = part.reshape(shape)
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
    if length == 1:
        return np.zeros_like(places)
    if border == "mirror":
        period = 2.0 * (length - 1)
        there = np.mod(places, period)
        return np.minimum(there, period - there)
    there = np.mod(places + 0.5, 2.0 * length)
    return np.clip(np.minimum(there, 2.0 * length - there) - 0.5, 0, length - 1)


def bands(height: int, width: int) -> Iterator[slice]:
    """Yield slices of rows that hold some 262,144 pixels each."""
    step = max(1, _BAND // width)
    for first in range(0, height, step):
        yield slice(first, min(first + step, height))


def look_up(levels: Plane, rows: Places, columns: Places) -> Plane:
    """Look up (H, W, C) at (h, w) places within it, between four pixels each."""
    height, width, channels = levels.shape
    flat = levels.reshape(-1, channels)
    above, below, down = _between(rows, height)
    left, right, across = _between(columns, width)
    upper = _mix(flat, above * width + left, above * width + right, across)
    lower = _mix(flat, below * width + left, below * width + right, across)
    upper *= 1 - down[:, :, None]
    lower *= down[:, :, None]
    upper += lower
    return upper


def _mix(flat: Plane, left: NDArray[np.intp], right: NDArray[np.intp], share: Plane) -> Plane:
    found = np.take(flat, left, axis=0)
    found *= 1 - share[:, :, None]
    other = np.take(flat, right, axis=0)
    other *= share[:, :, None]
    found += other
    return found


def _between(places: Places, length: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Plane]:
    """Return the pixel before each place, the one after it, and how far the way has gone."""
    first = np.clip(places, 0, length - 1).astype(np.intp)
    return first, np.minimum(first + 1, length - 1), (places - first).astype(np.float32)
