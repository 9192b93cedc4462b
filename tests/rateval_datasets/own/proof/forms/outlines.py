"""Outlines with whole-numbered corners, and what lies inside of them by exact arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Points = tuple[tuple[int, int], ...]
"""Corners x, y; (0, 0) is the photo's upper left corner."""


@dataclass(frozen=True)
class Star:
    """An outline all of which is seen from its centre."""

    centre: tuple[int, int]
    points: Points

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom."""
        (left, top), (right, bottom) = np.min(self.points, axis=0), np.max(self.points, axis=0)
        return int(left), int(top), int(right), int(bottom)


def make_star(dice: np.random.Generator, size: tuple[int, int]) -> Star:
    """Draw a star of 5 to 9 corners in a photo of (rows, columns).

    The centre of a pixel never lies on its outline, so all that fill it exactly fill it alike.
    """
    rows, columns = size
    reach = min(rows, columns) // 4
    while True:
        count = int(dice.integers(5, 10))
        centre = np.array(
            [dice.integers(reach, columns - reach), dice.integers(reach, rows - reach)]
        )
        angles = np.sort(dice.uniform(0, 2 * np.pi, count))
        radii = dice.uniform(0.4, 1, count) * reach
        corners = centre + np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None]
        star = Star(
            (int(centre[0]), int(centre[1])),
            tuple((int(x), int(y)) for x, y in np.rint(corners)),
        )
        if _is_star(star):
            return star


def _sides(star: Star) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    return list(zip(star.points, (*star.points[1:], star.points[0]), strict=True))


def _is_star(star: Star) -> bool:
    cx, cy = star.centre
    turns = all(
        (ax - cx) * (by - cy) > (ay - cy) * (bx - cx) for (ax, ay), (bx, by) in _sides(star)
    )
    return turns and not any(_may_meet_a_centre(a, b) for a, b in _sides(star))


def _may_meet_a_centre(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Tell whether a side may go through a point whose x and y are both a whole number and a half.

    That takes dx * odd == dy * odd, so dx and dy that hold the factor 2 equally often.
    """
    dx, dy = abs(b[0] - a[0]), abs(b[1] - a[1])
    return (dx & -dx) == (dy & -dy)


def fill(stars: Sequence[Star], size: tuple[int, int]) -> Mask:
    """Return (rows, columns): True where the centre of a pixel lies in one of the stars.

    A star is the triangles between its centre and its sides; whether a point lies in a triangle is
    the sign of three products of whole numbers, twice as large as pixels, so nothing is rounded.
    """
    mask = np.zeros(size, dtype=np.bool_)
    for star in stars:
        for a, b in _sides(star):
            _fill_triangle(mask, (star.centre, a, b))
    return mask


def _fill_triangle(mask: Mask, corners: Sequence[tuple[int, int]]) -> None:
    x, y = np.array(corners).T
    top, bottom = max(int(y.min()), 0), min(int(y.max()), mask.shape[0])
    left, right = max(int(x.min()), 0), min(int(x.max()), mask.shape[1])
    row = 2 * np.arange(top, bottom, dtype=np.int64)[:, None] + 1
    column = 2 * np.arange(left, right, dtype=np.int64)[None] + 1
    inside = np.ones((bottom - top, right - left), dtype=np.bool_)
    for at in range(3):
        (ax, ay), (bx, by) = corners[at], corners[(at + 1) % 3]
        inside &= (bx - ax) * (row - 2 * ay) >= (by - ay) * (column - 2 * ax)
    mask[top:bottom, left:right] |= inside


def distances(stars: Sequence[Star], pixels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return how far the centres of pixels (N, row and column) are from the nearest side."""
    centres = pixels[:, ::-1] + 0.5
    nearest = np.full(len(pixels), np.inf)
    for star in stars:
        for side in _sides(star):
            a, b = np.array(side, dtype=np.float64)
            along = np.clip((centres - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
            foot = a + along[:, None] * (b - a)
            nearest = np.minimum(nearest, np.hypot(*(centres - foot).T))
    return nearest
