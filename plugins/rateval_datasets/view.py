"""Masks, and the part of an image that the published code shows to a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Mask = NDArray[np.bool_]
"""Where evidence lies: (rows, columns) bool."""


def seen_pixels(length: int, seen: int) -> NDArray[np.intp]:
    """Return, for each of ``length`` pixels in a line, the one of ``seen`` pixels at its centre.

    >>> seen_pixels(4, 2).tolist()
    [0, 0, 1, 1]
    """
    return np.floor((np.arange(length) + 0.5) * seen / length).astype(np.intp)


@dataclass(frozen=True, slots=True)
class View:
    """The centre of an image whose shorter side is resized: torchvision's Resize and CenterCrop.

    A model of as many pixels then only normalises what it gets. Source: the test transforms of Wang
    et al., AAAI 2025, arXiv 2412.13333.
    """

    shorter: int
    """Pixels of the shorter side after resizing, ``side`` or more."""
    side: int = 224
    """Pixels of both sides of the crop."""

    @property
    def name(self) -> str:
        """This view as part of an identity.

        >>> View(256).name
        'resize=256 crop=224'
        """
        return f"resize={self.shorter} crop={self.side}"

    def image(self, image: Image.Image) -> Image.Image:
        """Return the view of an image, resized bilinearly; a grey one stays grey.

        >>> View(256).image(Image.new("L", (500, 300))).size
        (224, 224)
        """
        shortest = min(image.size)
        width, height = (self.shorter * length // shortest for length in image.size)
        left, top = (round((length - self.side) / 2) for length in (width, height))
        resized = image.resize((width, height), Image.Resampling.BILINEAR)
        return resized.crop((left, top, left + self.side, top + self.side))

    def mask(self, mask: Mask) -> Mask:
        """Return the view of a mask (rows, columns): True where at least half of a pixel's is."""
        # Pillow rounds the weighted mean of zeros and ones to the nearer of the two.
        ones = Image.fromarray(mask.astype(np.uint8))
        shown: Mask = np.asarray(self.image(ones)) > 0
        return shown
