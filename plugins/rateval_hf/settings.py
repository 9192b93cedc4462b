"""How a folder says that an image is prepared. This module imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.api import RatevalError
from rateval.modelkit import ForeignMean, ForeignStd, ForeignTable, check_table, read_json
from rateval_hf.options import ImageOptions
from rateval_hf.params import HfClipParams

_FILES = ("preprocessor_config.json", "processor_config.json")
# PIL's numbers, torchvision's words.
_INTERPOLATIONS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
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
class Settings:
    """The steps from an image to a tensor."""

    path: Path
    """The file that says them."""
    resize: int | tuple[int, int] | None
    """The shorter side, or height and width; None keeps the image's."""
    interpolation: str
    """torchvision's word for how pixels are resized."""
    crop: int | tuple[int, int] | None
    """Height and width of the crop in the middle; None crops nothing."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    absent: tuple[str, ...] = ()
    """Keys that the file lacks, and that transformers' defaults stand for."""


def read_settings(folder: Path, kind: str, params: HfClipParams) -> Settings:
    """Read how a folder prepares images; mean and deviation of ``params`` come first.

    ``kind`` is the ``model_type`` whose defaults fill what the file leaves out. Raises RatevalError
    when the folder has no such file, or one that says what may not be set or isn't supported.
    """
    path = locate_settings(folder)
    return parse_settings(read_json(path), path, kind, params.image_mean, params.image_std)


def parse_settings(
    content: dict[str, Any],
    path: Path,
    kind: str,
    mean: tuple[float, float, float] | None = None,
    std: tuple[float, float, float] | None = None,
) -> Settings:
    """Return what the content of such a file says; messages call it ``path``.

    Raises RatevalError as ``read_settings`` does.
    """
    given = _check_given(content, path)
    values = {**_COMMON, **_DEFAULTS[kind], **given}
    resizes, crops = values["do_resize"], values["do_center_crop"]
    resize = _sides(values["size"], path) if resizes else None
    interpolation = _interpolation(values, path) if resizes else _INTERPOLATIONS[3]
    crop = _sides(values["crop_size"], path) if crops else None
    factor = values.get("rescale_factor", 1 / 255)
    if not values["do_rescale"] or abs(factor * 255 - 1) > 1e-6:
        raise RatevalError(f"{path}: only pixels rescaled by 1/255 are supported, not by {factor}")
    used = {"size": resizes, "resample": resizes, "crop_size": crops}
    used |= {"image_mean": mean is None, "image_std": std is None}
    absent = tuple(key for key, matters in used.items() if matters and key not in given)
    if not values["do_normalize"]:
        values |= {"image_mean": (0.0,) * 3, "image_std": (1.0,) * 3}
    mean = mean if mean is not None else _channels(values, "image_mean", path)
    std = std if std is not None else _channels(values, "image_std", path)
    return Settings(path, resize, interpolation, crop, mean, std, absent)


def _check_given(content: dict[str, Any], path: Path) -> dict[str, Any]:
    if content.get("auto_map") is not None:
        check_table(ImageOptions, {"auto_map": content["auto_map"]}, str(path))
    options = check_table(ImageOptions, settings_in(content), str(path)).options()
    return {key: value for key, value in options.items() if value is not None}


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


def _interpolation(settings: Mapping[str, Any], path: Path) -> str:
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
