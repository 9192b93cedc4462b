"""The elastic transform: an affine map, then a smooth displacement; the mask goes the same way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rateval_shifts.corruptions import constants
from rateval_shifts.corruptions.fields import Grid
from rateval_shifts.corruptions.filters import smooth
from rateval_shifts.corruptions.picture import Picture, Plane, cut
from rateval_shifts.corruptions.streams import Stream
from rateval_shifts.corruptions.warping import bands, fold, look_up

Point = tuple[float, float]
"""Row and column."""


def elastic_transform(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Move pixels by a random affine map and a random smooth field, both as long as published."""
    reach, sigma, corner = constants.ELASTIC_TRANSFORM[severity - 1]
    height, width = picture.size
    grid = Grid(height, width)
    before = corners(height, width)
    moves = stream.signs(3, 2).tolist()
    after = [
        (row + down * corner * picture.scale, column + right * corner * picture.scale)
        for (row, column), (down, right) in zip(before, moves, strict=True)
    ]
    rows, columns = affine(after, before)
    down, right = (_displacement(grid, reach, sigma, stream) for _ in range(2))

    def move(planes: Sequence[Plane]) -> list[Plane]:
        turned = [np.empty_like(plane) for plane in planes]
        moved = [np.empty_like(plane) for plane in planes]
        across = np.arange(width, dtype=np.float64)[None, :]
        for band in bands(height, width):
            at = np.arange(band.start, band.stop, dtype=np.float64)[:, None]
            down_to = fold(rows[0] + rows[1] * at + rows[2] * across, height, "mirror")
            over_to = fold(columns[0] + columns[1] * at + columns[2] * across, width, "mirror")
            _fill(turned, band, look_up(planes, down_to, over_to))
        for band in bands(height, width):
            at = np.arange(band.start, band.stop, dtype=np.float64)[:, None]
            down_to = fold(at + down[band], height, "reflect")
            over_to = fold(across + right[band], width, "reflect")
            _fill(moved, band, look_up(turned, down_to, over_to))
        return moved

    levels = picture.pixels.astype(np.float32)
    pixels = cut(np.stack(move([np.ascontiguousarray(levels[:, :, i]) for i in range(3)]), axis=2))
    if picture.mask is None:
        return Picture(pixels, None)
    (seen,) = move([np.where(picture.mask, np.float32(255), np.float32(0))])
    return Picture(pixels, cut(seen) >= 128)


def _fill(planes: Sequence[Plane], band: slice, found: Sequence[Plane]) -> None:
    for plane, part in zip(planes, found, strict=True):
        plane[band] = part


def _displacement(grid: Grid, reach: float, sigma: float, stream: Stream) -> Plane:
    """Return how far each pixel looks along one axis, (H, W) float32 in pixels."""
    field = smooth(stream.signs(*grid.shape), sigma) * (reach * grid.spacing)
    return grid.spread(field.astype(np.float32))


def corners(height: int, width: int) -> list[Point]:
    """Return the three points that the affine map moves, a third of the shorter side off.

    >>> corners(224, 224)
    [(186, 186), (38, 186), (38, 38)]
    """
    row, column, far = height // 2, width // 2, min(height, width) // 3
    return [(row + far, column + far), (row - far, column + far), (row - far, column - far)]


def affine(
    before: Sequence[Point], after: Sequence[Point]
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return the map that takes three points to three others.

    For the row and for the column after: what is added, times the row and times the column before.
    Points on one line, as in a picture of fewer than three pixels, move none.

    >>> affine([(0, 0), (1, 0), (0, 1)], [(5, 7), (7, 7), (5, 8)])
    ((5.0, 2.0, 0.0), (7.0, 0.0, 1.0))
    """
    (y0, x0), (y1, x1), (y2, x2) = before
    area = (y1 - y0) * (x2 - x0) - (y2 - y0) * (x1 - x0)
    if area == 0:
        return (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
    found = []
    for axis in range(2):
        a, b, c = (point[axis] for point in after)
        by_row = ((b - a) * (x2 - x0) - (c - a) * (x1 - x0)) / area
        by_column = ((c - a) * (y1 - y0) - (b - a) * (y2 - y0)) / area
        found.append((a - by_row * y0 - by_column * x0, by_row, by_column))
    return found[0], found[1]
