"""The ten backgrounds: periodic two-tone materials of which a scene shows a random window."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from rateval_shapes.streams import Stream, mix, scene_keys

Tone = NDArray[np.float64]

PERIOD = 128
"""Pixels after which a material repeats."""


def _lattice(rows: int, columns: int, salt: int) -> Tone:
    """Draw (rows, columns) numbers in [0, 1), the same ones for ever."""
    key = scene_keys(salt, Stream.MATERIAL, [0])
    counters = np.arange(rows * columns, dtype=np.uint64) + key
    return ((mix(counters) >> np.uint64(11)).astype(np.float64) * 2.0**-53).reshape(rows, columns)


def _blend(values: Tone, axis: int) -> Tone:
    """Stretch an axis to PERIOD by smooth periodic interpolation."""
    cells = values.shape[axis]
    place = (np.arange(PERIOD, dtype=np.float64) + 0.5) * cells / PERIOD - 0.5
    below = np.floor(place)
    part = place - below
    weight = part * part * (3.0 - 2.0 * part)
    index = below.astype(np.intp)
    shape = (-1, 1) if axis == 0 else (1, -1)
    weight = weight.reshape(shape)
    low = values.take(index % cells, axis=axis)
    high = values.take((index + 1) % cells, axis=axis)
    blended: Tone = low * (1.0 - weight) + high * weight
    return blended


def _cloud(rows: int, columns: int, salt: int) -> Tone:
    """Draw smooth noise with that many cells over the period, (PERIOD, PERIOD) in [0, 1]."""
    return _blend(_blend(_lattice(rows, columns, salt), 0), 1)


def _steps() -> tuple[Tone, Tone]:
    """Return row and column numbers, broadcastable to (PERIOD, PERIOD)."""
    line = np.arange(PERIOD, dtype=np.float64)
    return line[:, None], line[None, :]


def _fold(place: Tone, period: float) -> Tone:
    """Return a triangle wave in [0, 1]."""
    phase = place / period
    phase = phase - np.floor(phase)
    return abs(2.0 * phase - 1.0)


def _snow() -> Tone:
    return 0.65 * _cloud(8, 8, 1) + 0.35 * _lattice(PERIOD, PERIOD, 2)


def _night() -> Tone:
    stars = np.repeat(np.repeat(_lattice(64, 64, 3) > 0.965, 2, axis=0), 2, axis=1)
    return np.maximum(0.35 * _cloud(4, 4, 4), stars)


def _sky() -> Tone:
    clouds = 0.6 * _cloud(4, 3, 5) + 0.3 * _cloud(10, 8, 6) + 0.1 * _cloud(32, 32, 7)
    return np.clip((clouds - 0.38) * 3.5, 0.0, 1.0)


def _brick() -> Tone:
    rows, columns = _steps()
    course = np.floor(rows / 8.0)
    along = columns + 8.0 * (course - 2.0 * np.floor(course / 2.0))
    joint = (rows - 8.0 * course < 2.0) | (along - 16.0 * np.floor(along / 16.0) < 2.0)
    brick = (np.floor(along / 16.0) % 8.0).astype(np.intp)
    shade = 0.45 * _lattice(16, 8, 8)[course.astype(np.intp), brick]
    return np.where(joint, 1.0, shade)


def _water() -> Tone:
    rows, _ = _steps()
    return 0.8 * _fold(rows + 9.0 * _cloud(8, 6, 9), 8.0) + 0.2 * _cloud(24, 8, 10)


def _sand() -> Tone:
    rows, columns = _steps()
    ripples = _fold(rows + columns + 10.0 * _cloud(4, 4, 11), 16.0)
    return 0.6 * _lattice(PERIOD, PERIOD, 12) + 0.4 * ripples


def _wood() -> Tone:
    rows, _ = _steps()
    seam = rows - 16.0 * np.floor(rows / 16.0) < 1.5
    grain = 0.7 * _cloud(64, 4, 13) + 0.3 * _cloud(32, 2, 14)
    return np.where(seam, 0.0, 0.15 + 0.85 * grain)


def _grass() -> Tone:
    return np.clip(1.6 * (0.75 * _cloud(16, 64, 15) + 0.25 * _cloud(32, 42, 16)) - 0.3, 0.0, 1.0)


def _tile() -> Tone:
    rows, columns = _steps()
    checker = (np.floor(rows / 16.0) + np.floor(columns / 16.0)) % 2.0
    grout = (rows % 16.0 < 1.5) | (columns % 16.0 < 1.5)
    return np.where(grout, 0.45, checker)


def _garden() -> Tone:
    rows, columns = _steps()
    tone = 0.35 * _cloud(32, 32, 17)
    places, sizes = _lattice(2, 64, 18), _lattice(1, 64, 19)[0]
    for number in range(64):
        # One blossom in each cell of 16 pixels, so that they never fuse to one colour.
        top = 16.0 * (number // 8) + 4.0 + 8.0 * places[0, number]
        left = 16.0 * (number % 8) + 4.0 + 8.0 * places[1, number]
        radius = 2.2 + 1.6 * sizes[number]
        away = (rows - top) * (rows - top) + (columns - left) * (columns - left)
        tone = np.where(away <= radius * radius, 1.0, tone)
    return tone


_MATERIALS: dict[str, tuple[Callable[[], Tone], tuple[int, int, int], tuple[int, int, int]]] = {
    "snow": (_snow, (196, 208, 226), (252, 253, 255)),
    "night": (_night, (14, 18, 48), (236, 228, 170)),
    "sky": (_sky, (92, 158, 224), (244, 247, 250)),
    "brick": (_brick, (142, 58, 42), (206, 190, 176)),
    "water": (_water, (18, 74, 128), (98, 176, 204)),
    "sand": (_sand, (196, 160, 100), (246, 224, 170)),
    "wood": (_wood, (82, 48, 22), (182, 126, 70)),
    "grass": (_grass, (24, 84, 18), (126, 184, 60)),
    "tile": (_tile, (98, 112, 118), (212, 218, 214)),
    "garden": (_garden, (34, 78, 44), (226, 104, 168)),
}

BACKGROUNDS: tuple[str, ...] = tuple(_MATERIALS)
"""Names of the backgrounds; the one at position i is class i's own."""

TONES = np.array([colours for _, *colours in _MATERIALS.values()], dtype=np.float64)
"""(10, 2, 3) colours of the tones 0 and 1, in [0, 255]."""


@cache
def materials(window: int) -> NDArray[np.float32]:
    """Draw every material once, (10, PERIOD + window, PERIOD + window) float32 in [0, 1].

    A window of that many pixels may begin anywhere in the first period.
    """
    around = np.arange(PERIOD + window) % PERIOD
    tones = [draw()[around][:, around] for draw, _, _ in _MATERIALS.values()]
    return np.stack(tones).astype(np.float32)
