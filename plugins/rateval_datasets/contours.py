"""A filled outline."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rateval_datasets.view import Mask

_MOST_TESTS = 1 << 23
"""Rows of an image times points of an outline: such a mask takes half a second."""
FARTHEST = 1e6
"""Pixels from an image's corner beyond which no point lies."""


def fill_contour(contour: NDArray[np.float64], size: tuple[int, int]) -> Mask:
    """Fill a closed outline (2, P) of x and y as (rows, columns) bool.

    Pixel (0, 0) has its centre at x = 0, y = 0; a pixel is True where its centre lies inside by
    the even-odd rule, so that a self-crossing outline has holes. Parts outside of the image are
    cut off. Raises ValueError when it is no outline of three points or more, all finite and near,
    or has so many of them that no person can have drawn it.

    >>> fill_contour(np.array([[0.5, 2.5, 2.5, 0.5], [-9.0, -9.0, 0.5, 0.5]]), (2, 4)).tolist()
    [[False, True, True, False], [False, False, False, False]]
    """
    if contour.ndim != 2 or contour.shape[0] != 2 or contour.shape[1] < 3:
        raise ValueError(f"an outline has the shape (2, points), not {contour.shape}")
    if not np.isfinite(contour).all():
        raise ValueError("an outline has points that are not finite")
    if np.abs(contour).max() > FARTHEST:
        raise ValueError("an outline has points outside of any image")
    rows, columns = size
    if rows * contour.shape[1] > _MOST_TESTS:
        raise ValueError(
            f"an outline has {contour.shape[1]:,} points, too many for an image of {rows:,} rows"
        )
    x, y = contour
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    line = np.arange(rows, dtype=np.float64)[:, None]
    # Half-open in y, so that a row through a corner meets one of its two edges, not both.
    row, edge = np.nonzero((y <= line) != (next_y <= line))
    rise, run = next_y[edge] - y[edge], next_x[edge] - x[edge]
    # Multiplied before it is divided, so that a pixel's centre on an edge stays exactly there.
    crossing = x[edge] + (row - y[edge]) * run / rise
    first = np.clip(np.ceil(crossing), 0, columns).astype(np.intp)
    # Everything to the right of a crossing changes sides.
    changes = np.zeros((rows, columns + 1), dtype=np.int64)
    np.add.at(changes, (row, first), 1)
    inside: Mask = changes.cumsum(axis=1)[:, :columns] % 2 == 1
    return inside
