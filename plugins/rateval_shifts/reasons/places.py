"""Shifts that move pixels, and masks by the same function: patches shuffled, crops, turns."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from rateval.api import Context, Sample
from rateval.modelkit import move_sample
from rateval_shifts.reasons.chance import draw, draw_below
from rateval_shifts.reasons.params import CropParams, PatchShuffleParams, RotateParams

_PATCHES = (2, 3, 4, 6, 8)
"""Patches a side, by severity."""
_KEPT = (0.9, 0.8, 0.7, 0.6, 0.5)
"""Share of a side that a crop leaves, by severity."""
_DEGREES = (5.0, 10.0, 20.0, 30.0, 45.0)
"""By severity."""


@dataclass(frozen=True)
class PatchShuffle:
    """Images cut into patches that change places: shapes go, textures and colours stay."""

    patches: int
    """A side."""

    def apply(self, sample: Sample) -> Sample:
        """Return the sample with its patches, and those of its mask, in another order.

        None keeps its place. Patches are of one size: what the grid leaves at the borders stays.
        """
        width, height = sample.image.size
        down, across = min(self.patches, height), min(self.patches, width)
        order = shuffle(sample.id, down * across)
        return move_sample(sample, lambda picture: _exchange(picture, (down, across), order))


@dataclass(frozen=True)
class Crop:
    """A part of each image: what the rest held is gone."""

    kept: float
    """Share of each side."""

    def apply(self, sample: Sample) -> Sample:
        """Return a part of the sample and its mask, which may be empty then."""
        (width, height), name = sample.image.size, sample.id
        across, down = (max(1, round(side * self.kept)) for side in (width, height))
        left = draw_below(name, "crop column", width - across + 1)
        top = draw_below(name, "crop row", height - down + 1)
        return move_sample(
            sample, lambda picture: picture.crop((left, top, left + across, top + down))
        )


@dataclass(frozen=True)
class Rotate:
    """Images turned about their centre, in their own size."""

    degrees: float

    def apply(self, sample: Sample) -> Sample:
        """Return the sample turned, and its mask.

        Where nothing is, the image is continued by its mirror image, and the mask by its own: a
        mirrored piece of an object is evidence, as it looks like the object.
        """
        to_the_left = draw(sample.id, "rotate") < 0.5
        degrees = self.degrees if to_the_left else -self.degrees
        return move_sample(sample, lambda picture: turn(picture, degrees))


def shuffle(name: str, count: int) -> list[int]:
    """Return an order of ``count`` things in which none has its place, where there are several.

    Source: Sattolo, Information Processing Letters 22 (1986) 315-317: one cycle through all.

    >>> sorted(shuffle("a", 4)), shuffle("a", 1)
    ([0, 1, 2, 3], [0])
    """
    order = list(range(count))
    for last in range(count - 1, 0, -1):
        other = draw_below(name, f"patch {last}", last)
        order[last], order[other] = order[other], order[last]
    return order


def _exchange(picture: Image.Image, grid: tuple[int, int], order: list[int]) -> Image.Image:
    pixels = np.array(picture)
    (rows, columns), depth = pixels.shape[:2], pixels.shape[2:]
    down, across = grid
    tall, wide = rows // down, columns // across
    top, left = (rows - tall * down) // 2, (columns - wide * across) // 2
    inner = pixels[top : top + tall * down, left : left + wide * across]
    patches = inner.reshape(down, tall, across, wide, *depth).swapaxes(1, 2)
    moved = patches.reshape(down * across, tall, wide, *depth)[order].reshape(patches.shape)
    inner[:] = moved.swapaxes(1, 2).reshape(inner.shape)
    return Image.fromarray(pixels)


def turn(picture: Image.Image, degrees: float) -> Image.Image:
    """Return a picture turned to the left, bilinearly, its borders mirrored.

    >>> turn(Image.new("L", (3, 2), 7), 30).getcolors()
    [(6, 7)]
    """
    width, height = picture.size
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    # How far the turned frame reaches, and a pixel to interpolate with.
    reach_x = abs(width * cosine) / 2 + abs(height * sine) / 2
    reach_y = abs(width * sine) / 2 + abs(height * cosine) / 2
    over_x = max(0, math.ceil(reach_x - width / 2)) + 1
    over_y = max(0, math.ceil(reach_y - height / 2)) + 1
    pixels = np.asarray(picture)
    around = ((over_y, over_y), (over_x, over_x), (0, 0))[: pixels.ndim]
    padded = Image.fromarray(np.pad(pixels, around, mode="symmetric"))
    start_x = over_x + width / 2 - (cosine * width - sine * height) / 2
    start_y = over_y + height / 2 - (sine * width + cosine * height) / 2
    matrix = (cosine, -sine, start_x, sine, cosine, start_y)
    return padded.transform(picture.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


def make_patch_shuffle(params: PatchShuffleParams, context: Context) -> PatchShuffle:
    """Make the shift of patches."""
    return PatchShuffle(_PATCHES[params.severity - 1])


def make_crop(params: CropParams, context: Context) -> Crop:
    """Make the shift to parts of images."""
    return Crop(_KEPT[params.severity - 1])


def make_rotate(params: RotateParams, context: Context) -> Rotate:
    """Make the shift that turns images."""
    return Rotate(_DEGREES[params.severity - 1])
