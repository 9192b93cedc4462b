"""Transforms of every library are read, and masks follow them; what masks can't follow isn't."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from open_clip.transform import image_transform
from PIL import Image
from timm.data.transforms_factory import create_transform
from torchvision.transforms import (
    CenterCrop,
    Compose,
    Lambda,
    Normalize,
    Pad,
    RandomHorizontalFlip,
    Resize,
    ToTensor,
    v2,
)
from torchvision.transforms._presets import ImageClassification

from rateval.api import RatevalError
from rateval.modelkit import read_transform

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
NORMALISE = Normalize(MEAN, STD)
SECOND = v2.Compose(
    [
        v2.ToImage(),
        v2.Resize(36, antialias=True),
        v2.CenterCrop(32),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(MEAN, STD),
    ]
)
GOOD: dict[str, Any] = {
    "torchvision": Compose([Resize(36), CenterCrop(32), ToTensor(), NORMALISE]),
    "the second version": SECOND,
    "a preset": ImageClassification(crop_size=32, resize_size=36, mean=MEAN, std=STD),
    "open_clip": image_transform((32, 32), False, MEAN, STD),
    "open_clip, whole": image_transform((32, 32), False, MEAN, STD, resize_mode="longest"),
    "timm": create_transform((3, 32, 32), mean=MEAN, std=STD, crop_pct=0.9),
}


@pytest.mark.parametrize("name", GOOD)
def test_it_is_read(name: str) -> None:
    read = read_transform(GOOD[name])
    assert read.size == (32, 32)
    assert read.mean == pytest.approx(MEAN)
    assert read.std == pytest.approx(STD)
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    made = read.geometry.image(image)
    assert type(made) is torch.Tensor
    assert torch.equal(made, GOOD[name](image).as_subclass(torch.Tensor))
    mask = read.geometry.mask(pixels[..., 0] > 127)
    assert (mask.shape, mask.dtype) == ((32, 32), torch.bool)


def flipped(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


SQUARE = (Resize((32, 32)), ToTensor())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Compose([RandomHorizontalFlip(), *SQUARE]),
            "RandomHorizontalFlip draws at random",
        ),
        (lambda: Compose([Lambda(flipped), *SQUARE]), "a step other than a resize and a crop"),
        (lambda: Compose([Pad(20), *SQUARE]), "a step other than a resize and a crop"),
        (lambda: Compose([Resize(32), ToTensor()]), r"of \(32, 43\) and \(43, 32\) pixels; add"),
        (lambda: Compose([Resize((32, 32))]), r"makes Image, not \(3, H, W\) float32"),
        (lambda: Compose([*SQUARE, Normalize((0.5,) * 4, (1,) * 4)]), "fails on an RGB image: Run"),
        (lambda: Compose([*SQUARE, Lambda(lambda x: x[:1])]), r"makes \(1, 32, 32\), not"),
        (lambda: flipped, "is function; give the transform of evaluation"),
        (lambda: 3, "is int; give the transform of evaluation"),
    ],
)
def test_what_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(RatevalError, match=f"^preprocess: .*{message}"):
        read_transform(make())
