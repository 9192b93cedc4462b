"""The fourteen objects: each an outline and a two-colour pattern of its own.

An object is drawn once into an atlas of 256 x 256 texels over the square [-1, 1]²; scenes look
their pixels up there. Outlines use + - * / and comparisons alone: exact on every platform.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float64]
Region = NDArray[np.bool_]
Points = Sequence[tuple[float, float]]

TEXELS = 256


def _disc(u: Grid, v: Grid, centre_u: float, centre_v: float, radius: float) -> Region:
    return (u - centre_u) * (u - centre_u) + (v - centre_v) * (v - centre_v) <= radius * radius


def _box(u: Grid, v: Grid, left: float, top: float, right: float, bottom: float) -> Region:
    return (u >= left) & (u <= right) & (v >= top) & (v <= bottom)


def _polygon(u: Grid, v: Grid, corners: Points) -> Region:
    """Fill by the even-odd rule: a ray to the right crosses the outline an odd number of times."""
    inside = np.zeros(u.shape, dtype=np.bool_)
    for (u0, v0), (u1, v1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if v0 != v1:
            crosses = (v0 > v) != (v1 > v)
            inside ^= crosses & (u < u0 + (v - v0) * (u1 - u0) / (v1 - v0))
    return inside


def _band(place: Grid, period: float, width: float) -> Region:
    """Repeat a band of that width; the first one is centred at 0."""
    phase = place / period + 0.5
    return abs(phase - np.floor(phase) - 0.5) < width / (2.0 * period)


def _heart(u: Grid, v: Grid) -> tuple[Region, Region]:
    lobes = _disc(abs(u), v, 0.45, -0.35, 0.51)
    point = [(-0.1, -0.35), (0.5, -0.4), (0.88, -0.08), (0.0, 0.93), (-0.1, 0.93)]
    diamonds = _band(u + v, 0.8, 0.4) == _band(u - v, 0.8, 0.4)
    return lobes | _polygon(abs(u), v, point), diamonds


def _star(u: Grid, v: Grid) -> tuple[Region, Region]:
    corners = [
        (0.0, -0.97), (0.259, -0.306), (0.951, -0.259), (0.419, 0.196), (0.588, 0.859),
        (0.0, 0.49), (-0.588, 0.859), (-0.419, 0.196), (-0.951, -0.259), (-0.259, -0.306),
    ]  # fmt: skip
    rings = _disc(u, v, 0.0, 0.05, 0.62) & ~_disc(u, v, 0.0, 0.05, 0.32)
    return _polygon(u, v, corners), rings


def _moon(u: Grid, v: Grid) -> tuple[Region, Region]:
    crescent = _disc(u, v, 0.0, 0.0, 0.97) & ~_disc(u, v, 0.62, -0.18, 0.72)
    rows = np.floor((v + 1.0) / 0.4)
    across = u + 0.2 * (rows - 2.0 * np.floor(rows / 2.0))
    across = across / 0.4 - np.floor(across / 0.4) - 0.5
    down = (v + 1.0) / 0.4 - rows - 0.5
    return crescent, _disc(across, down, 0.0, 0.0, 0.33)


def _cone(u: Grid, v: Grid) -> tuple[Region, Region]:
    body = _polygon(u, v, [(-0.16, -0.95), (0.16, -0.95), (0.66, 0.72), (-0.66, 0.72)])
    foot = _box(u, v, -0.92, 0.66, 0.92, 0.95)
    return body | foot, _band(v - 0.02, 0.56, 0.28)


def _buoy(u: Grid, v: Grid) -> tuple[Region, Region]:
    ring = _disc(u, v, 0.0, 0.0, 0.97) & ~_disc(u, v, 0.0, 0.0, 0.42)
    return ring, (abs(u) < 0.3) | (abs(v) < 0.3)


def _ball(u: Grid, v: Grid) -> tuple[Region, Region]:
    return _disc(u, v, 0.0, 0.0, 0.97), _band(u, 1.0, 0.5) != _band(v, 1.0, 0.5)


def _leaf(u: Grid, v: Grid) -> tuple[Region, Region]:
    blade = _disc(u, v, 0.62, -0.05, 1.1) & _disc(u, v, -0.62, -0.05, 1.1)
    stem = _box(u, v, -0.08, 0.6, 0.08, 0.97)
    return blade | stem, _band(v + abs(u), 0.44, 0.18) | (abs(u) < 0.07)


def _flower(u: Grid, v: Grid) -> tuple[Region, Region]:
    petals = _disc(abs(u), v, 0.62, 0.0, 0.34) | _disc(abs(u), abs(v), 0.31, 0.54, 0.34)
    return petals | _disc(u, v, 0.0, 0.0, 0.5), _disc(u, v, 0.0, 0.0, 0.38)


def _coin(u: Grid, v: Grid) -> tuple[Region, Region]:
    rim = ~_disc(u, v, 0.0, 0.0, 0.74)
    hole = _box(u, v, -0.25, -0.25, 0.25, 0.25)
    return _disc(u, v, 0.0, 0.0, 0.97) & ~hole, rim | _box(u, v, -0.4, -0.4, 0.4, 0.4)


def _bee(u: Grid, v: Grid) -> tuple[Region, Region]:
    body = _disc(u, v * 1.7 - 0.5, 0.0, 0.0, 0.95)
    wings = _disc(abs(u), v, 0.36, -0.5, 0.38)
    stripes = _band(u, 0.56, 0.28)
    return body | wings, (stripes & body) | (wings & ~body)


def _gear(u: Grid, v: Grid) -> tuple[Region, Region]:
    diagonal, across = (u + v) * 0.7071, (u - v) * 0.7071
    teeth = ((abs(u) < 0.19) | (abs(v) < 0.19)) & (abs(u) < 0.96) & (abs(v) < 0.96)
    teeth |= ((abs(diagonal) < 0.19) | (abs(across) < 0.19)) & _disc(u, v, 0.0, 0.0, 0.96)
    wheel = _disc(u, v, 0.0, 0.0, 0.74) | teeth
    return wheel & ~_disc(u, v, 0.0, 0.0, 0.24), _disc(u, v, 0.0, 0.0, 0.52)


def _gem(u: Grid, v: Grid) -> tuple[Region, Region]:
    corners = [(-0.55, -0.75), (0.55, -0.75), (0.96, -0.2), (0.0, 0.9), (-0.96, -0.2)]
    facet = _polygon(u, v, [(-0.36, -0.2), (0.36, -0.2), (0.0, 0.9)])
    return _polygon(u, v, corners), facet | ((v < -0.2) & (abs(u) > 0.3))


def _bolt(u: Grid, v: Grid) -> tuple[Region, Region]:
    corners = [
        (-0.1, -0.95), (0.68, -0.95), (0.3, -0.3), (0.78, -0.3),
        (-0.45, 0.95), (-0.12, 0.14), (-0.7, 0.14),
    ]  # fmt: skip
    return _polygon(u, v, corners), _band(u - v, 0.7, 0.35)


def _kite(u: Grid, v: Grid) -> tuple[Region, Region]:
    sail = _polygon(u, v, [(0.0, -0.96), (0.74, -0.2), (0.0, 0.7), (-0.74, -0.2)])
    tail = _polygon(u, v, [(0.0, 0.6), (0.3, 0.95), (-0.3, 0.95)])
    return sail | tail, ((u > 0.0) == (v > -0.2)) & sail


_DRAWN: dict[str, Callable[[Grid, Grid], tuple[Region, Region]]] = {
    "heart": _heart,
    "star": _star,
    "moon": _moon,
    "cone": _cone,
    "buoy": _buoy,
    "ball": _ball,
    "leaf": _leaf,
    "flower": _flower,
    "coin": _coin,
    "bee": _bee,
    "gear": _gear,
    "gem": _gem,
    "bolt": _bolt,
    "kite": _kite,
}

OBJECTS: tuple[str, ...] = tuple(_DRAWN)
"""Names of all objects."""
TASK_OBJECTS: tuple[str, ...] = OBJECTS[:10]
"""Classes of the task; the others occur in pre-training and as distractors."""


@dataclass(frozen=True, slots=True)
class Atlas:
    """The K objects as drawn."""

    codes: NDArray[np.uint8]
    """(K, 256, 256): 0 outside, 1 the main colour, 2 the second one; rows run along v."""
    area: NDArray[np.float64]
    """(K,) area of each outline, in the units of [-1, 1]²."""
    rim: NDArray[np.float64]
    """(K, 2, 512) points (u, v) of each outline, its leftmost and rightmost ones of every row."""


@cache
def atlas() -> Atlas:
    """Draw every object once.

    >>> atlas().codes.shape, atlas().rim.shape
    ((14, 256, 256), (14, 2, 512))
    """
    steps = (np.arange(TEXELS, dtype=np.float64) + 0.5) * (2.0 / TEXELS) - 1.0
    v, u = np.meshgrid(steps, steps, indexing="ij")
    drawn = [draw(u, v) for draw in _DRAWN.values()]
    outlines = np.stack([outline for outline, _ in drawn])
    seconds = np.stack([outline & second for outline, second in drawn])
    area = outlines.sum(axis=(1, 2)) * (2.0 / TEXELS) ** 2
    rim = np.stack([_rim(outline, steps) for outline in outlines])
    return Atlas(outlines.astype(np.uint8) + seconds, area, rim)


def _rim(outline: Region, steps: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = np.flatnonzero(outline.any(axis=1))
    # Rows without the object repeat one that has it: the number of points is the same for all.
    rows = rows[np.arange(TEXELS) % len(rows)]
    left = outline[rows].argmax(axis=1)
    right = TEXELS - 1 - outline[rows, ::-1].argmax(axis=1)
    return np.stack(
        [np.concatenate([steps[left], steps[right]]), np.concatenate([steps[rows], steps[rows]])]
    )
