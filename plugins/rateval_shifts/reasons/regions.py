"""Shifts of the background or of the object alone, the other as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import ImageFilter

from rateval.api import Context, Sample, Skipped
from rateval_shifts.corruptions.picture import Pixels
from rateval_shifts.corruptions.streams import Stream
from rateval_shifts.reasons.params import BackgroundParams, ObjectParams
from rateval_shifts.reasons.pixels import (
    GREY,
    cover,
    fill_in,
    put_together,
    read_pixels,
    require_mask,
)

_BLUR = 1 / 10
"""Standard deviation of the blur, in shorter sides of the image."""


@dataclass(frozen=True)
class Background:
    """Backgrounds changed: whether an answer hangs on them shows where it goes."""

    type: Literal["blur", "grey", "noise", "remove"]

    def apply(self, sample: Sample) -> Sample | Skipped:
        """Return the object with its background changed; skipped without a mask of part of it."""
        mask = require_mask(sample)
        if isinstance(mask, Skipped):
            return mask
        return put_together(sample, read_pixels(sample.image), mask, self._make(sample))

    def _make(self, sample: Sample) -> Pixels:
        image = sample.image
        if self.type == "blur":
            deviation = min(image.size) * _BLUR
            return read_pixels(image.filter(ImageFilter.GaussianBlur(deviation)))
        shape = (image.height, image.width, 3)
        if self.type == "noise":
            return Stream("background noise", sample.id).octets(*shape)
        return np.full(shape, GREY if self.type == "grey" else 255, dtype=np.uint8)


@dataclass(frozen=True)
class Object:
    """Objects removed: an answer that stays comes from elsewhere. Masks say where they were."""

    type: Literal["remove", "grey"]

    def apply(self, sample: Sample) -> Sample | Skipped:
        """Return the background without its object; skipped without a mask of part of it."""
        mask = require_mask(sample)
        if isinstance(mask, Skipped):
            return mask
        region = cover(mask)
        pixels = read_pixels(sample.image)
        if self.type == "grey":
            return put_together(sample, np.full_like(pixels, GREY), region, pixels)
        filled = fill_in(sample.image, region)
        if filled is None:
            return Skipped(sample.id, "mask of nearly the whole image, where its shift fills it in")
        return put_together(sample, filled, region, pixels)


def make_background(params: BackgroundParams, context: Context) -> Background:
    """Make the shift of backgrounds."""
    return Background(params.type)


def make_object(params: ObjectParams, context: Context) -> Object:
    """Make the shift of objects."""
    return Object(params.type)
