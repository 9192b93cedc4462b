"""The resize, crop and storage by which ImageNet-C's files were made."""

from __future__ import annotations

import numpy as np
from PIL import Image

from rateval_shifts.corruptions.picture import PUBLISHED_SIDE, Picture

RESIZED = 256
"""Pixels of the shorter side before the crop."""
QUALITY = 85
"""Of the JPEG that a corrupted image was stored as."""


def published_view(image: Image.Image, mask: np.ndarray | None) -> Picture:
    """Resize the shorter side to 256 pixels and take the central 224 x 224.

    An image of 224 x 224 is taken as it is: ImageNet by ``protocol = "aaai25"`` is cut already.
    The image by Pillow's bilinear filter, as torchvision does; the mask by the original pixel that
    lies under each centre. Source: torchvision's Resize and CenterCrop; hendrycks/robustness.
    """
    width, height = image.size
    if width == height == PUBLISHED_SIDE:
        return Picture(np.asarray(image), mask)
    shorter = min(width, height)
    sides = [RESIZED if n == shorter else int(RESIZED * n / shorter) for n in (width, height)]
    left, top = (round((side - PUBLISHED_SIDE) / 2) for side in sides)
    if max(width, height) > 16 * shorter:  # a strip, whose resized whole may not fit in memory
        box = tuple(
            (first + more) * n / side
            for more in (0, PUBLISHED_SIDE)
            for first, n, side in ((left, width, sides[0]), (top, height, sides[1]))
        )
        size = PUBLISHED_SIDE, PUBLISHED_SIDE
        small = image.resize(size, Image.Resampling.BILINEAR, box=box)  # type: ignore[arg-type]
    else:
        whole = image.resize((sides[0], sides[1]), Image.Resampling.BILINEAR)
        small = whole.crop((left, top, left + PUBLISHED_SIDE, top + PUBLISHED_SIDE))
    if mask is None:
        return Picture(np.asarray(small), None)
    places = np.arange(PUBLISHED_SIDE) + 0.5
    rows = np.floor((places + top) * height / sides[1]).astype(np.intp)
    columns = np.floor((places + left) * width / sides[0]).astype(np.intp)
    return Picture(np.asarray(small), mask[rows[:, None], columns])
