"""A folder's image transform, from its preprocessor_config.json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torchvision.transforms import (
    CenterCrop,
    Compose,
    InterpolationMode,
    Normalize,
    Resize,
    ToTensor,
)

from rateval.api import RatevalError
from rateval.modelkit import Geometry
from rateval_hf.params import HfClipParams
from rateval_hf.settings import Settings, read_settings


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """A transform and what it normalises by."""

    geometry: Geometry
    mean: tuple[float, ...]
    std: tuple[float, ...]
    assumed: tuple[str, ...] = ()
    """What the folder's file doesn't say, in a sentence."""


def make_preprocessing(
    folder: Path, kind: str, image_size: int, params: HfClipParams
) -> Preprocessing:
    """Make the transform of a folder whose model takes squares of ``image_size`` pixels.

    Raises RatevalError when the folder has no such file, or one that yields another size.
    """
    return follow_settings(read_settings(folder, kind, params), image_size)


def follow_settings(settings: Settings, image_size: int) -> Preprocessing:
    """Make the transform that settings describe.

    Raises RatevalError when it yields another size than squares of ``image_size`` pixels.
    """
    steps: list[Any] = []
    if settings.resize is not None:
        steps.append(Resize(settings.resize, InterpolationMode(settings.interpolation)))
    if settings.crop is not None:
        steps.append(CenterCrop(settings.crop))
    mean, std = settings.mean, settings.std
    geometry = Geometry(Compose([*steps, ToTensor(), Normalize(mean, std)]))
    _check_size(geometry, image_size, settings.path)
    assumed = (
        f"images by transformers' default of {', '.join(settings.absent)}, as {settings.path.name} "
        "doesn't say"
    )
    return Preprocessing(geometry, mean, std, (assumed,) if settings.absent else ())


def _check_size(geometry: Geometry, image_size: int, path: Path) -> None:
    # Not square, so that a transform which keeps the shape shows itself.
    rows, columns = geometry.mask(np.zeros((50, 70), dtype=np.bool_)).shape
    if (rows, columns) != (image_size, image_size):
        raise RatevalError(
            f"{path}: yields images of {rows} x {columns} pixels, but the model in this folder "
            f"takes {image_size} x {image_size}; give the preprocessor it was trained with"
        )
