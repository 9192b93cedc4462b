"""The transform that a user has of a model, read for images and masks alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, Normalize, Resize, ToTensor

from rateval.errors import RatevalError
from rateval.modelkit.geometry import Geometry

_WANTED = (
    "give the transform of evaluation, a torchvision Compose: what "
    "open_clip.create_model_and_transforms, timm.data.create_transform or a torchvision weight's "
    "transforms() return"
)
_OVERLAP = 0.75
"""Intersection over union that a mask must have with a drawn shape; its borders are blurred."""


@dataclass(frozen=True, slots=True)
class Transform:
    """A transform of evaluation, and what it makes."""

    geometry: Geometry
    size: tuple[int, int]
    """Height and width of what it makes."""
    mean: tuple[float, ...]
    std: tuple[float, ...]


def read_transform(preprocess: Any) -> Transform:
    """Read a transform from an RGB image to (3, H, W) float32.

    Raises RatevalError when it is none that resizes, crops and normalises, when it draws at random
    or makes images of several sizes, and when a mask doesn't follow it.

    >>> read = read_transform(Compose([Resize(8), CenterCrop(8), ToTensor()]))
    >>> read.size, read.mean
    ((8, 8), (0.0, 0.0, 0.0))
    """
    steps = _list_steps(preprocess)
    drawn = [type(step).__name__ for step in steps if "Random" in type(step).__name__]
    if drawn:
        raise RatevalError(f"preprocess: {drawn[0]} draws at random, as in training; {_WANTED}")
    geometry = Geometry(Compose([*steps, _as_plain_tensor]))
    sizes = {_try(geometry, *shape) for shape in ((97, 131), (131, 97))}
    if len(sizes) > 1:
        raise RatevalError(
            f"preprocess: makes images of {' and '.join(map(str, sorted(sizes)))} pixels; add a "
            "crop, so that all are of one size"
        )
    normalise = next((step for step in steps if type(step).__name__ == "Normalize"), None)
    mean, std = getattr(normalise, "mean", (0.0,) * 3), getattr(normalise, "std", (1.0,) * 3)
    return Transform(geometry, sizes.pop(), tuple(map(float, mean)), tuple(map(float, std)))


def _list_steps(preprocess: Any) -> list[Any]:
    steps = getattr(preprocess, "transforms", None)
    if isinstance(steps, Sequence | torch.nn.ModuleList):
        return list(steps)
    if {"resize_size", "crop_size", "mean", "std"} <= getattr(preprocess, "__dict__", {}).keys():
        resize = Resize(
            preprocess.resize_size, preprocess.interpolation, antialias=preprocess.antialias
        )
        crop = CenterCrop(preprocess.crop_size)
        return [resize, crop, ToTensor(), Normalize(preprocess.mean, preprocess.std)]
    raise RatevalError(f"preprocess: is {type(preprocess).__name__}; {_WANTED}")


def _as_plain_tensor(image: torch.Tensor) -> torch.Tensor:
    # The second version of torchvision's transforms gives a class of its own.
    return image.as_subclass(torch.Tensor) if isinstance(image, torch.Tensor) else image


def _try(geometry: Geometry, rows: int, columns: int) -> tuple[int, int]:
    """Return the size of what is made of a drawn shape. Raises RatevalError as it is read."""
    shape = np.zeros((rows, columns), dtype=np.bool_)
    shape[rows // 4 : rows // 2, columns // 4 : 3 * columns // 4] = True
    shape[rows // 2 : 3 * rows // 4, columns // 4 : columns // 2] = True
    picture = np.repeat(shape[..., None], 3, axis=2).astype(np.uint8) * np.uint8(255)
    try:
        image, mask = geometry.image(Image.fromarray(picture)), geometry.mask(shape)
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise RatevalError(
            f"preprocess: fails on an RGB image: {type(error).__name__}: {reason}; {_WANTED}"
        ) from error
    made = isinstance(image, torch.Tensor) and image.dtype == torch.float32
    if not made or image.ndim != 3 or len(image) != 3:
        what = tuple(image.shape) if isinstance(image, torch.Tensor) else type(image).__name__
        raise RatevalError(f"preprocess: makes {what}, not (3, H, W) float32; {_WANTED}")
    bright = image[0] > (image[0].min() + image[0].max()) / 2
    if mask.shape != bright.shape or (mask & bright).sum() < _OVERLAP * (mask | bright).sum():
        raise RatevalError(
            "preprocess: has a step other than a resize and a crop that moves pixels, so that "
            f"masks can't follow; {_WANTED}"
        )
    return int(image.shape[1]), int(image.shape[2])
