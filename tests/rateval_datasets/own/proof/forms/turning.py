"""EXIF's eight orientations, as turns of arrays and of corners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forms.outlines import Points

Array = NDArray[Any]
SHOWN: dict[int, Callable[[Array], Array]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: np.rot90(stored, 1),
}
"""Orientation to what makes the array that is shown of the stored one."""
_BACK = {6: 8, 8: 6}


def stored_array(shown: Array, orientation: int) -> Array:
    """Return what is stored of an array (rows, columns, …) that is shown."""
    return np.ascontiguousarray(SHOWN[_BACK.get(orientation, orientation)](shown))


def stored_points(points: Points, orientation: int, size: tuple[int, int]) -> Points:
    """Return corners in stored pixels; ``size`` is (rows, columns) as shown."""
    rows, columns = size
    turn: dict[int, Callable[[int, int], tuple[int, int]]] = {
        1: lambda x, y: (x, y),
        2: lambda x, y: (columns - x, y),
        3: lambda x, y: (columns - x, rows - y),
        4: lambda x, y: (x, rows - y),
        5: lambda x, y: (y, x),
        6: lambda x, y: (y, columns - x),
        7: lambda x, y: (rows - y, columns - x),
        8: lambda x, y: (rows - y, x),
    }
    return tuple(turn[orientation](x, y) for x, y in points)
