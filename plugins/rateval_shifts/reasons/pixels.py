"""Pixels of samples put together, and objects filled in, by what all parts of rateval share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from rateval.api import Sample, Skipped
from rateval.modelkit import grow, inpaint, put_objects

Pixels = NDArray[np.uint8]
"""(H, W, 3)."""
Mask = NDArray[np.bool_]
"""(H, W)."""

GREY = 128
_LARGEST = 512
"""Shorter side in pixels of what is filled in at most: the time grows faster than the area, and
what is filled in has no fine detail."""


def require_mask(sample: Sample) -> Mask | Skipped:
    """Return a sample's mask, or why nothing can be told apart by it."""
    if sample.mask is None:
        return Skipped(sample.id, "no mask, which its shift needs")
    if not sample.mask.any():
        return Skipped(sample.id, "empty mask, where its shift needs an object")
    if sample.mask.all():
        return Skipped(sample.id, "mask of the whole image, where its shift needs a background")
    return sample.mask


def read_pixels(image: Image.Image) -> Pixels:
    """Return an image's pixels, which may be written to."""
    return np.array(image)


def put_together(sample: Sample, inside: Pixels, mask: Mask, outside: Pixels) -> Sample:
    """Return a sample with the pixels of ``inside`` in a mask and of ``outside`` around it."""
    images, backgrounds = (
        torch.from_numpy(one).permute(2, 0, 1)[None] for one in (inside, outside)
    )
    made = put_objects(images, torch.from_numpy(mask)[None], backgrounds)
    return replace(sample, image=Image.fromarray(made[0].permute(1, 2, 0).numpy()))


def cover(mask: Mask) -> Mask:
    """Return an object's mask with its edge, one pixel for each 64 of the shorter side."""
    return np.asarray(grow(torch.from_numpy(mask)[None])[0].numpy())


def fill_in(image: Image.Image, region: Mask) -> Pixels:
    """Return pixels with a region continued from around it.

    Images with a shorter side beyond 512 are filled in small, and what was filled in is enlarged.
    """
    filled = Image.fromarray(fill_in_small(image, region))
    if filled.size == image.size:
        return read_pixels(filled)
    filled = filled.resize(image.size, Image.Resampling.BICUBIC)
    return np.where(region[..., None], np.asarray(filled), np.asarray(image))


def fill_in_small(image: Image.Image, region: Mask) -> Pixels:
    """Return pixels, at a shorter side of 512 at most, with a region continued from around it."""
    return inpaint(*shrink(image, region, shrunken(image.size)))


def shrunken(size: tuple[int, int]) -> tuple[int, int]:
    """Return the width and height at which an image is filled in.

    >>> shrunken((300, 200)), shrunken((2048, 1024))
    ((300, 200), (1024, 512))
    """
    scale = min(1.0, _LARGEST / min(size))
    return round(size[0] * scale), round(size[1] * scale)


def shrink(image: Image.Image, region: Mask, size: tuple[int, int]) -> tuple[Pixels, Mask]:
    """Return pixels and region in a smaller size; what has any of the region is of it."""
    if size == image.size:
        return read_pixels(image), region
    small = read_pixels(image.resize(size, Image.Resampling.BOX))
    # As numbers: bytes would lose the least shares.
    shares = Image.fromarray(region.astype(np.float32)).resize(size, Image.Resampling.BOX)
    return small, np.asarray(np.asarray(shares) > 0)
