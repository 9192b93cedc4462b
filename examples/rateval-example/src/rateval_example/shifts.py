"""A shift: test images without their colours."""

from __future__ import annotations

import dataclasses

from PIL import ImageEnhance

from rateval.api import Context, Sample
from rateval_example.params import GrayscaleParams


class Grayscale:
    """A ``rateval.api.Shift`` towards grey."""

    def __init__(self, strength: float) -> None:
        self._kept = 1 - strength

    def apply(self, sample: Sample) -> Sample:
        """Return the sample with less colour; label and mask stay."""
        image = ImageEnhance.Color(sample.image).enhance(self._kept)
        return dataclasses.replace(sample, image=image)


def make_grayscale(params: GrayscaleParams, context: Context) -> Grayscale:
    """Make the shift."""
    return Grayscale(params.strength)
