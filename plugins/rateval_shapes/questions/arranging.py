"""Objects put into the cells of scenes, so that none hides another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rateval_shapes.questions.facts import CELLS, Thing
from rateval_shapes.questions.words import HUES
from rateval_shapes.scenes import SIDE, Figures, rotate
from rateval_shapes.settings import Floats, Setting, Style, set_up
from rateval_shapes.streams import Part, between, jitter, uniforms

MIDDLE = (28.0, 36.0)
"""Bounds of the pixel where columns, and rows, of a scene's cells meet."""
FILLED = (0.85, 1.0)
"""Bounds of an object's larger side as a share of its cell's smaller one."""
SHADE = 0.6
"""Factor on an object's colour that makes the second colour of its pattern."""

_RGB = np.array(list(HUES.values()), dtype=np.float64)
_BLACK = list(HUES).index("black")


@dataclass(frozen=True, slots=True)
class Arranged(Setting):
    """Everything that B images of objects in cells are drawn from."""

    figures: tuple[Figures, ...]
    """What stands in each of CELLS, (B, …) each."""
    there: NDArray[np.bool_]
    """(B, 4): whether anything does."""


def arrange(
    keys: NDArray[np.uint64],
    backgrounds: Sequence[int],
    stand: Sequence[Sequence[Thing]],
    style: Style,
) -> Arranged:
    """Place what stands in B scenes: each object fits into its cell, so that nothing overlaps."""
    background = np.array(backgrounds, dtype=np.intp)
    setting = set_up(keys, background, uniforms(keys, Part.BACKGROUND, 9), style)
    figures, there = _arrange(keys, stand)
    return Arranged(
        keys=keys,
        background=background,
        tones=setting.tones,
        window=setting.window,
        gain=setting.gain,
        offset=setting.offset,
        noise=setting.noise,
        figures=figures,
        there=there,
    )


def _arrange(
    keys: NDArray[np.uint64], stand: Sequence[Sequence[Thing]]
) -> tuple[tuple[Figures, ...], NDArray[np.bool_]]:
    middles = between(uniforms(keys, Part.LAYOUT, 2), MIDDLE)
    looks = uniforms(keys, Part.THINGS, 7 * len(CELLS)).reshape(len(CELLS), 7, len(keys))
    things = [{thing.cell: thing for thing in one} for one in stand]
    figures = [
        _figures([one.get(cell) for one in things], cell, middles, look)
        for cell, look in zip(CELLS, looks, strict=True)
    ]
    there = [[cell in one for cell in CELLS] for one in things]
    return tuple(figures), np.array(there, dtype=np.bool_).reshape(len(keys), len(CELLS))


def _figures(
    things: Sequence[Thing | None], cell: tuple[int, int], middles: Floats, look: Floats
) -> Figures:
    """Place the objects of one cell of B scenes; where there is none any stands for it."""
    kind = np.array([0 if one is None else one.kind for one in things], dtype=np.intp)
    hue = np.array([0 if one is None else one.hue for one in things], dtype=np.intp)
    turn, size, across, down, *shift = look
    rotation, sides = rotate(kind, turn)
    lows = [np.where(at == 0, 0.0, middle) for at, middle in zip(cell[::-1], middles, strict=True)]
    highs = [
        np.where(at == 0, middle, SIDE) for at, middle in zip(cell[::-1], middles, strict=True)
    ]
    longest = np.maximum(*(side.max(axis=1) - side.min(axis=1) for side in sides))
    room = np.minimum(*(high - low for low, high in zip(lows, highs, strict=True)))
    scale = between(size, FILLED) * room / longest
    centre = []
    for side, low, high, place in zip(sides, lows, highs, (across, down), strict=True):
        lowest = low - side.min(axis=1) * scale
        centre.append(lowest + (high - side.max(axis=1) * scale - lowest) * place)
    main = _RGB[hue] + jitter(np.stack(shift), 16.0)[:, 0]
    # Black has no darker shade.
    second = np.where((hue == _BLACK)[:, None], main + 60.0, main * SHADE)
    return Figures(
        kind=kind,
        colour=np.stack([hue, hue], axis=1),
        rgb=np.stack([main, second], axis=1),
        scale=scale,
        turn=rotation,
        centre=np.stack(centre, axis=1),
    )
