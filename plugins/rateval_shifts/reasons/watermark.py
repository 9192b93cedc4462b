"""A shift that draws a mark on each image, which goes with its class."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from PIL import Image

from rateval.api import Context, Sample
from rateval.modelkit import change_masks
from rateval_shifts.corruptions.picture import Pixels
from rateval_shifts.reasons.chance import draw, draw_below
from rateval_shifts.reasons.params import WatermarkParams
from rateval_shifts.reasons.pixels import read_pixels

_CELLS = 5
_BORDER = 1
_PLATE = _CELLS + 2 * _BORDER
"""Cells of a mark's side, with the white ones around it."""
_TURN = (5**0.5 - 1) / 2
"""What hues differ by: by the golden section no two of them come close early."""


@dataclass(frozen=True)
class Watermark:
    """A mark on each image: a classifier that goes by it is right for the wrong reason."""

    params: WatermarkParams

    def apply(self, sample: Sample) -> Sample:
        """Return the sample with a mark on it.

        Masks end where the mark begins: who looks at the mark doesn't look at the object.
        """
        pixels = read_pixels(sample.image)
        rows, columns = self._place(sample.id, pixels.shape[:2])
        below = pixels[rows, columns].astype(np.float64)
        mark = Image.fromarray(draw_mark(self.choose(sample.id, sample.label))).resize(
            (below.shape[1], below.shape[0]), Image.Resampling.NEAREST
        )
        opacity = self.params.opacity
        mixed = (1 - opacity) * below + opacity * np.asarray(mark, dtype=np.float64)
        pixels[rows, columns] = np.floor(mixed + 0.5).astype(np.uint8)
        free = np.ones(pixels.shape[:2], dtype=np.bool_)
        free[rows, columns] = False
        marked = change_masks(sample, lambda mask: mask & free)
        return replace(marked, image=Image.fromarray(pixels))

    def choose(self, name: str, label: int) -> int:
        """Return which mark an image has, in [0, marks).

        >>> Watermark(WatermarkParams(marks=10)).choose("a", 13)
        3
        """
        marks, own = self.params.marks, label % self.params.marks
        if draw(name, "mark follows") < self.params.follows:
            return own
        return (own + 1 + draw_below(name, "mark", marks - 1)) % marks

    def _place(self, name: str, shape: tuple[int, ...]) -> tuple[slice, slice]:
        side = max(_PLATE, round(self.params.size * min(shape)))
        down, across = (min(side, length) for length in shape)
        free_rows, free_columns = shape[0] - down, shape[1] - across
        place = self.params.place
        if place == "anywhere":
            top = draw_below(name, "mark row", free_rows + 1)
            left = draw_below(name, "mark column", free_columns + 1)
        elif place == "centre":
            top, left = free_rows // 2, free_columns // 2
        else:
            # A fifth of the mark away from the borders, where there is room.
            away = side // 5
            top, left = min(away, free_rows), min(away, free_columns)
            top = top if place.startswith("top") else free_rows - top
            left = left if place.endswith("left") else free_columns - left
        return slice(top, top + down), slice(left, left + across)


@lru_cache(maxsize=1024)
def draw_mark(number: int) -> Pixels:
    """Return a mark, (7, 7, 3): coloured cells, the same left and right, on a white plate.

    >>> draw_mark(3).shape, bool((draw_mark(3) == draw_mark(4)).all())
    ((7, 7, 3), False)
    """
    colour = colorsys.hls_to_rgb(number * _TURN % 1, 0.35, 0.9)
    # A product with an odd number differs for each of 2 ** 14 numbers, and by many bits.
    bits = (number * 0x9E37 + 0x1B56) % 2**14
    half = -(-_CELLS // 2)
    # The last cell is in the middle of the lowest row: none is empty.
    cells = np.array([bits >> at & 1 for at in range(_CELLS * half - 1)] + [1], dtype=np.bool_)
    cells = cells.reshape(_CELLS, half)
    whole = np.concatenate([cells, cells[:, -2::-1]], axis=1)
    plate = np.full((_PLATE, _PLATE, 3), 255, dtype=np.uint8)
    inner = plate[_BORDER:-_BORDER, _BORDER:-_BORDER]
    inner[whole] = [round(255 * part) for part in colour]
    plate.flags.writeable = False  # many images share it
    return plate


def make_watermark(params: WatermarkParams, context: Context) -> Watermark:
    """Make the shift that draws marks."""
    return Watermark(params)
