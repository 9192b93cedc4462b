"""Shifts that take colour or detail and leave everything in its place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from rateval.api import Context, Sample
from rateval_shifts.corruptions.digital import through_jpeg
from rateval_shifts.reasons.params import GreyParams, JpegParams, ResolutionParams

_QUALITIES = (50, 30, 20, 10, 5)
_DIVISORS = (2, 3, 4, 6, 8)
"""By severity, as the qualities."""
_SEEN = 224
"""Pixels of a shorter side beyond which models see none: they count as this many."""


class Grey:
    """Images without their colours, by the luma of ITU-R 601."""

    def apply(self, sample: Sample) -> Sample:
        """Return the sample in grey."""
        return replace(sample, image=sample.image.convert("L").convert("RGB"))


@dataclass(frozen=True)
class Jpeg:
    """Images as JPEG, with half as many rows and columns of colour as of brightness."""

    quality: int

    def apply(self, sample: Sample) -> Sample:
        """Return the sample written as JPEG and read again."""
        pixels = through_jpeg(np.asarray(sample.image), self.quality)
        return replace(sample, image=Image.fromarray(pixels))


@dataclass(frozen=True)
class Resolution:
    """Images made small, by the mean of what each pixel covers, and enlarged bilinearly."""

    divisor: int

    def apply(self, sample: Sample) -> Sample:
        """Return the sample in its own size, without what a small image can't hold."""
        size = sample.image.size
        scale = min(1.0, _SEEN / min(size)) / self.divisor
        small = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        image = sample.image.resize(small, Image.Resampling.BOX)
        return replace(sample, image=image.resize(size, Image.Resampling.BILINEAR))


def make_grey(params: GreyParams, context: Context) -> Grey:
    """Make the shift to grey."""
    return Grey()


def make_jpeg(params: JpegParams, context: Context) -> Jpeg:
    """Make the shift to JPEG."""
    return Jpeg(_QUALITIES[params.severity - 1])


def make_resolution(params: ResolutionParams, context: Context) -> Resolution:
    """Make the shift to fewer pixels."""
    return Resolution(_DIVISORS[params.severity - 1])
