"""Random fields and textures: drawn as on 224 pixels, then enlarged to the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rateval_shifts.corruptions.picture import PUBLISHED_SIDE, Plane
from rateval_shifts.corruptions.streams import Stream
from rateval_shifts.corruptions.warping import resample

LONGEST = 16 * PUBLISHED_SIDE
"""Points of a field's longer side at most: a thin strip needs no more."""
_FINEST = 1024
"""Points of the plasma's side at most; what is finer is less than 0.2% of it."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The points that a field of a picture is drawn at, 224 along its shorter side."""

    height: int
    """Of the picture."""
    width: int

    @property
    def spacing(self) -> float:
        """Pixels from one point to the next; more than the scale in strips 16 times as long."""
        shorter, longer = sorted((self.height, self.width))
        return max(shorter / PUBLISHED_SIDE, longer / LONGEST)

    @property
    def shape(self) -> tuple[int, int]:
        """Points of a column and of a row.

        >>> Grid(448, 600).shape, Grid(224, 224).shape, Grid(1, 1).shape
        ((224, 300), (224, 224), (224, 224))
        """
        height, width = (max(1, round(n / self.spacing)) for n in (self.height, self.width))
        return height, width

    def spread(self, field: Plane) -> Plane:
        """Enlarge a field to the picture, linearly; a picture of its own shape has it as it is."""
        if field.shape[:2] == (self.height, self.width):
            return field
        height, width = field.shape[:2]
        return resample(field, centres(self.height, height), centres(self.width, width))


def centres(length: int, points: int) -> NDArray[np.float64]:
    """Return where each of ``length`` pixels' centres lies among ``points`` points.

    >>> centres(4, 2).tolist()
    [0.0, 0.25, 0.75, 1.0]
    """
    places = (np.arange(length) + 0.5) * (points / length) - 0.5
    return np.clip(places, 0, points - 1)


def plasma(height: int, width: int, decay: float, stream: Stream) -> Plane:
    """Return the corner of a plasma fractal that covers a picture, (H, W) float32 in [0, 1].

    Its side is the next power of two, 256 for 224 as published; more than 1,024 are enlarged.
    """
    side = 2 ** math.ceil(math.log2(max(height, width, 2)))
    field = diamond_square(min(side, _FINEST), decay, stream).astype(np.float32)
    if side <= _FINEST:
        return field[:height, :width]
    step = _FINEST / side
    return resample(field, np.arange(height) * step, np.arange(width) * step)


def diamond_square(side: int, decay: float, stream: Stream) -> NDArray[np.float64]:
    """Return a plasma fractal that wraps around, (side, side) float64 from 0 to 1.

    The published variant: a point is the mean of its four neighbours, and a number that is at most
    the square of what ``decay`` divides from one octave to the next. Source: hendrycks/robustness.
    """
    field = np.zeros((side, side))
    step, rough = side, 100.0
    while step >= 2:
        half, wide = step // 2, rough * rough
        corners = field[::step, ::step]
        sums = corners + np.roll(corners, -1, axis=0)
        sums = sums + np.roll(sums, -1, axis=1)
        middles = sums / 4 + wide * stream.signs(*sums.shape)
        field[half::step, half::step] = middles
        across = middles + np.roll(middles, 1, axis=0) + corners + np.roll(corners, -1, axis=1)
        field[::step, half::step] = across / 4 + wide * stream.signs(*sums.shape)
        down = middles + np.roll(middles, 1, axis=1) + corners + np.roll(corners, -1, axis=0)
        field[half::step, ::step] = down / 4 + wide * stream.signs(*sums.shape)
        step, rough = half, rough / decay
    field -= field.min()
    return np.asarray(field / field.max())


def value_noise(shape: tuple[int, int], cell: int, stream: Stream) -> Plane:
    """Return noise that changes over ``cell`` points, (H, W) float32 in [0, 1]."""
    height, width = shape
    coarse = stream.signs(height // cell + 2, width // cell + 2).astype(np.float32)
    noise = resample(coarse, np.arange(height) / cell, np.arange(width) / cell)
    noise += 1
    noise *= np.float32(0.5)
    return noise


def frost_texture(shape: tuple[int, int], stream: Stream) -> Plane:
    """Return levels of ice on a pane, (H, W, 3) float32 in [0, 255]: ours, bluish.

    Veins lie where noise passes its middle, in four sizes, thicker where a coarse noise is high.
    """
    ice = np.zeros(shape, np.float32)
    for cell, weight in ((64, 0.36), (28, 0.28), (12, 0.22), (5, 0.14)):
        noise = value_noise(shape, cell, stream)
        vein = 1 - np.abs(2 * noise - 1)
        ice += np.float32(weight) * (vein * vein)
    cover = value_noise(shape, 90, stream)
    ice *= np.float32(0.4) + np.float32(1.2) * cover
    grain = value_noise(shape, 2, stream)
    ice *= np.float32(0.75) + np.float32(0.5) * grain
    tint = np.array([205, 225, 240], np.float32)
    return np.asarray(np.clip(ice[:, :, None] * tint, 0, 255))
