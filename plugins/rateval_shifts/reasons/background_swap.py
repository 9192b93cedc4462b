"""A shift that puts objects on the backgrounds of other images of their split."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageOps

from rateval.api import Context, Sample, Skipped, Split
from rateval_shifts.reasons.lenders import Lenders
from rateval_shifts.reasons.params import BackgroundSwapParams
from rateval_shifts.reasons.pixels import put_together, read_pixels, require_mask


@dataclass(frozen=True)
class BackgroundSwap:
    """Objects elsewhere: whether an answer hangs on where an object is shows where it goes."""

    lenders: Lenders | None = None
    """None before a split is known: nobody lends a background, and every sample is skipped."""

    def among(self, split: Split) -> BackgroundSwap:
        """Return the shift of samples of a split, whose others lend their backgrounds."""
        return BackgroundSwap(Lenders(split))

    def apply(self, sample: Sample) -> Sample | Skipped:
        """Return the object on another image's background, which is resized to cover its own.

        Skipped without a mask of part of the image, and where no image can lend.
        """
        mask = require_mask(sample)
        if isinstance(mask, Skipped):
            return mask
        found = None if self.lenders is None else self.lenders.find(sample)
        if found is None:
            return Skipped(sample.id, "no other image lends its background")
        fitted = ImageOps.fit(Image.fromarray(found), sample.image.size, Image.Resampling.BICUBIC)
        return put_together(sample, read_pixels(sample.image), mask, read_pixels(fitted))


def make_background_swap(params: BackgroundSwapParams, context: Context) -> BackgroundSwap:
    """Make the shift, which has yet to be told among which samples it acts."""
    return BackgroundSwap()
