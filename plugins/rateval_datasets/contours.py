"""A filled outline, by the centres of pixels, or with the pixels that the outline crosses."""

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


def fill_polygon(points: NDArray[np.float64], size: tuple[int, int]) -> Mask:
    """Fill a closed outline (2, P) of whole x and y with its border, as OpenCV's ``fillPoly`` does.

    The border is a line of pixels that touch at sides or corners. (rows, columns) bool, equal to
    OpenCV's bit for bit where all points lie in the image. Lines that leave it are drawn as on a
    larger image, where OpenCV cuts them first, which moves them. Raises ValueError as
    ``fill_contour`` does.

    >>> fill_polygon(np.array([[1.0, 2.0, 1.0], [0.0, 1.0, 1.0]]), (2, 4)).astype(int).tolist()
    [[0, 1, 0, 0], [0, 1, 1, 0]]
    """
    filled = fill_contour(points, size)
    corners = points.T.astype(np.int64)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        x, y = _line(start, end)
        shown = (x >= 0) & (x < size[1]) & (y >= 0) & (y < size[0])
        filled[y[shown], x[shown]] = True
    return filled


def _line(
    start: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return x and y of the pixels of a line, one for each step along its longer side.

    Source: Bresenham, IBM Systems Journal 4 (1965) 25-30, from left to right as OpenCV goes.
    """
    if end[0] < start[0]:
        start, end = end, start
    run, rise = int(end[0] - start[0]), int(end[1] - start[1])
    longer = max(run, abs(rise))
    step = np.arange(longer + 1)
    # A centre that lies halfway goes to the pixel nearer to the line's start.
    aside = -((longer - 2 * min(run, abs(rise)) * step) // (2 * max(longer, 1)))
    sign = 1 if rise >= 0 else -1
    if run >= abs(rise):
        return start[0] + step, start[1] + sign * aside
    return start[0] + aside, start[1] + sign * step
