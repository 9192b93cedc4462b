"""Augmentation of training samples, images together with their masks.

Source: the training augmentation of Wang et al., AAAI 2025, arXiv 2412.13333, which is built from
torchvision's RandomResizedCrop, RandomHorizontalFlip, ColorJitter and RandomRotation.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageEnhance

from rateval.api import Sample
from rateval.modelkit import Batch, move_mask, put_objects
from rateval_finetune.training.randomness import derive_seed, make_generator

_CROP_AREA = (0.08, 1.0)
_CROP_RATIO = (3 / 4, 4 / 3)
_COLOUR = 0.2
_DEGREES = 30.0
_ATTEMPTS = 10


def augment_published(
    size: tuple[int, int], seed: int, epoch: int
) -> Callable[[Sample, int], Sample]:
    """Return what augments a sample at a position of its split, for one epoch.

    The result is an image of ``size`` (height, width), so that a model's own resizing leaves it as
    it is. Each sample has a random stream of its own.
    """

    def change(sample: Sample, index: int) -> Sample:
        draw = np.random.default_rng(derive_seed(seed, "augment", epoch, index))
        box = _crop_box(draw, sample.image.size)
        flipped = draw.random() < 0.5
        factors = draw.uniform(1 - _COLOUR, 1 + _COLOUR, size=3)
        hue, order = draw.uniform(-_COLOUR, _COLOUR), draw.permutation(4)
        degrees = draw.uniform(-_DEGREES, _DEGREES)

        def move(image: Image.Image, resample: Image.Resampling) -> Image.Image:
            moved = image.resize(size[::-1], resample, box)
            if flipped:
                moved = moved.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            return moved

        image = _colour(move(sample.image, Image.Resampling.BILINEAR), factors, hue, order)
        image = image.rotate(degrees, Image.Resampling.NEAREST)  # torchvision's default
        mask = None
        if sample.mask is not None:
            nearest = Image.Resampling.NEAREST
            mask = move_mask(sample.mask, lambda grey: move(grey, nearest).rotate(degrees, nearest))
        return dataclasses.replace(sample, image=image, mask=mask)

    return change


def _crop_box(
    draw: np.random.Generator, size: tuple[int, int]
) -> tuple[float, float, float, float]:
    width, height = size
    for _ in range(_ATTEMPTS):
        area = width * height * draw.uniform(*_CROP_AREA)
        ratio = math.exp(draw.uniform(*np.log(_CROP_RATIO)))
        across, down = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < across <= width and 0 < down <= height:
            left = int(draw.integers(width - across + 1))
            top = int(draw.integers(height - down + 1))
            return left, top, left + across, top + down
    # The largest crop in the middle whose ratio is allowed, as torchvision falls back to.
    across = min(width, round(height * _CROP_RATIO[1]))
    down = min(height, round(width / _CROP_RATIO[0]))
    left, top = (width - across) // 2, (height - down) // 2
    return left, top, left + across, top + down


def _colour(image: Image.Image, factors: np.ndarray, hue: float, order: np.ndarray) -> Image.Image:
    enhancers = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
    for step in order:
        if step == len(enhancers):
            image = _turn_hue(image, hue)
        else:
            image = enhancers[step](image).enhance(float(factors[step]))
    return image


def _turn_hue(image: Image.Image, turns: float) -> Image.Image:
    hue, saturation, value = image.convert("HSV").split()
    turned = (np.asarray(hue, dtype=np.int16) + round(turns * 255)) % 256
    return Image.merge(
        "HSV", (Image.fromarray(turned.astype(np.uint8)), saturation, value)
    ).convert("RGB")


def swap_backgrounds(batch: Batch, probability: float, *streams: int | str) -> Batch:
    """Put objects on the backgrounds of other images of the batch, with ``probability`` each.

    Takes images (B, 3, H, W) float32 with masks (B, H, W) bool; only those with a mask give or take
    a background. Where the giver's own object was, its mirror image shows, or its background's mean
    colour where that is the object again. Masks and labels stay.
    """
    if batch.masks is None:
        raise ValueError("backgrounds can only be swapped in a batch with masks")
    able = batch.masks.flatten(1).any(1) & torch.tensor(batch.has_mask, dtype=torch.bool)
    takers = able.nonzero().flatten()
    if len(takers) < 2:
        return batch
    generator = make_generator(*streams)
    # A rotation of a random order gives every taker another giver than itself.
    order = takers[torch.randperm(len(takers), generator=generator)]
    chosen = torch.rand(len(order), generator=generator) < probability
    to, giver = order[chosen], order.roll(1)[chosen]
    images = batch.images.clone()
    erased = _erase_objects(batch.images[giver], batch.masks[giver])
    images[to] = put_objects(batch.images[to], batch.masks[to], erased)
    return dataclasses.replace(batch, images=images)


def _erase_objects(images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    background = ~masks[:, None]
    total = background.sum((2, 3), keepdim=True).clamp(min=1)
    mean = (images * background).sum((2, 3), keepdim=True) / total
    mirrored = torch.where(background.flip(-1), images.flip(-1), mean)
    return torch.where(background, images, mirrored)
