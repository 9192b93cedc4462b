"""A folder's image transform, from its preprocessor_config.json."""

from __future__ import annotations

from collections.abc import Mapping
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
from rateval.modelkit import ForeignMean, ForeignStd, ForeignTable, Geometry, check_table, read_json
from rateval_hf.options import ImageOptions
from rateval_hf.params import HfClipParams

_FILES = ("preprocessor_config.json", "processor_config.json")
# PIL's numbers.
_INTERPOLATIONS = {
    0: InterpolationMode.NEAREST,
    1: InterpolationMode.LANCZOS,
    2: InterpolationMode.BILINEAR,
    3: InterpolationMode.BICUBIC,
}
# What transformers takes for what a file leaves out.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "clip": {
        "size": {"shortest_edge": 224},
        "do_center_crop": True,
        "crop_size": 224,
        "image_mean": (0.48145466, 0.4578275, 0.40821073),
        "image_std": (0.26862954, 0.26130258, 0.27577711),
    },
    "siglip": {
        "size": {"height": 224, "width": 224},
        "do_center_crop": False,
        "crop_size": 224,
        "image_mean": (0.5, 0.5, 0.5),
        "image_std": (0.5, 0.5, 0.5),
    },
}
_COMMON = {"resample": 3, "do_resize": True, "do_rescale": True, "do_normalize": True}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """A transform and what it normalises by."""

    geometry: Geometry
    mean: tuple[float, ...]
    std: tuple[float, ...]


def make_preprocessing(
    folder: Path, kind: str, image_size: int, params: HfClipParams
) -> Preprocessing:
    """Make the transform of a folder whose model takes squares of ``image_size`` pixels.

    Raises RatevalError when the folder has no such file, or one that yields another size.
    """
    path, settings = _read_settings(folder, kind)
    steps: list[Any] = []
    if settings["do_resize"]:
        steps.append(
            Resize(_sides(settings["size"], path), interpolation=_resample(settings, path))
        )
    if settings["do_center_crop"]:
        steps.append(CenterCrop(_sides(settings["crop_size"], path)))
    factor = settings.get("rescale_factor", 1 / 255)
    if not settings["do_rescale"] or abs(factor * 255 - 1) > 1e-6:
        raise RatevalError(f"{path}: only pixels rescaled by 1/255 are supported, not by {factor}")
    mean, std = params.image_mean, params.image_std
    if not settings["do_normalize"]:
        settings |= {"image_mean": (0.0,) * 3, "image_std": (1.0,) * 3}
    mean = mean if mean is not None else _channels(settings, "image_mean", path)
    std = std if std is not None else _channels(settings, "image_std", path)
    geometry = Geometry(Compose([*steps, ToTensor(), Normalize(mean, std)]))
    _check_size(geometry, image_size, path)
    return Preprocessing(geometry, mean, std)


def _read_settings(folder: Path, kind: str) -> tuple[Path, dict[str, Any]]:
    path = locate_settings(folder)
    content = read_json(path)
    if content.get("auto_map") is not None:
        check_table(ImageOptions, {"auto_map": content["auto_map"]}, str(path))
    options = check_table(ImageOptions, settings_in(content), str(path)).options()
    given = {key: value for key, value in options.items() if value is not None}
    return path, {**_COMMON, **_DEFAULTS[kind], **given}


def settings_in(content: dict[str, Any]) -> dict[str, Any]:
    """Return an image processor's table, which is the file or, in newer ones, a part of it.

    >>> settings_in({"image_processor": {"resample": 3}})
    {'resample': 3}
    """
    nested = content.get("image_processor")
    return nested if isinstance(nested, dict) else content


def locate_settings(folder: Path) -> Path:
    """Find the file that says how an image is prepared.

    Raises RatevalError when the folder holds none.
    """
    for name in _FILES:
        if (folder / name).is_file():
            return folder / name
    raise RatevalError(
        f"{folder}: the folder holds neither {' nor '.join(_FILES)}, which say how an image is "
        "resized and normalised; save the model's processor into it"
    )


def _sides(size: Any, path: Path) -> int | tuple[int, int]:
    if isinstance(size, int):
        return (size, size)
    if isinstance(size, dict) and set(size) == {"shortest_edge"}:
        return int(size["shortest_edge"])
    if isinstance(size, dict) and set(size) == {"height", "width"}:
        return (int(size["height"]), int(size["width"]))
    raise RatevalError(
        f"{path}: the size {size!r} is not understood; it must be a number, a shortest_edge, or "
        "height and width"
    )


def _resample(settings: Mapping[str, Any], path: Path) -> InterpolationMode:
    number = settings["resample"]
    if number not in _INTERPOLATIONS:
        known = ", ".join(map(str, _INTERPOLATIONS))
        raise RatevalError(f"{path}: resample is {number!r}; it must be one of {known}")
    return _INTERPOLATIONS[number]


def _channels(settings: Mapping[str, Any], key: str, path: Path) -> tuple[float, float, float]:
    value = settings[key]
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise RatevalError(f"{path}: {key} is {value!r:.100}; it must be three numbers")
    found = check_table(_Channels, {key: value}, str(path))
    return found.image_mean if key == "image_mean" else found.image_std


class _Channels(ForeignTable):
    """Bounds of what an image is normalised by."""

    image_mean: ForeignMean = (0.0, 0.0, 0.0)
    image_std: ForeignStd = (1.0, 1.0, 1.0)


def _check_size(geometry: Geometry, image_size: int, path: Path) -> None:
    # Not square, so that a transform which keeps the shape shows itself.
    rows, columns = geometry.mask(np.zeros((50, 70), dtype=np.bool_)).shape
    if (rows, columns) != (image_size, image_size):
        raise RatevalError(
            f"{path}: yields images of {rows} x {columns} pixels, but the model in this folder "
            f"takes {image_size} x {image_size}; give the preprocessor it was trained with"
        )
