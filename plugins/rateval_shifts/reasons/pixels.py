"""Pixels of samples put together, and objects filled in, by what all parts of rateval share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from rateval.api import Sample, Skipped
from rateval.modelkit import grow, inpaint, put_objects
from rateval_shifts.corruptions.picture import Mask, Pixels

GREY = 128
_FILLED = 224
"""Shorter side in pixels at which regions are filled in at most: models see no more of what is
smooth anyway, and time and what inpainting loses in rounding grow faster than the area."""


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


def fill_in(image: Image.Image, region: Mask) -> Pixels | None:
    """Return pixels with a region continued from around it; None where next to nothing is around.

    Images with a shorter side beyond 224 are filled in small, and what was filled in is enlarged.
    """
    small, there = shrink(image, region, _FILLED)
    if there.all():
        return None
    filled = inpaint(small, there)
    if there is region:
        return filled
    enlarged = Image.fromarray(filled).resize(image.size, Image.Resampling.BICUBIC)
    return np.where(region[..., None], np.asarray(enlarged), np.asarray(image))


def shrink(image: Image.Image, region: Mask, shorter: int) -> tuple[Pixels, Mask]:
    """Return pixels and region at a shorter side of so many pixels at most.

    What has any of the region is of it. Where the image is no larger, the region is as it is.
    """
    scale = min(1.0, shorter / min(image.size))
    size = round(image.width * scale), round(image.height * scale)
    if size == image.size:
        return read_pixels(image), region
    small = read_pixels(image.resize(size, Image.Resampling.BOX))
    # As numbers: bytes would lose the least shares.
    shares = Image.fromarray(region.astype(np.float32)).resize(size, Image.Resampling.BOX)
    return small, np.asarray(np.asarray(shares) > 0)
