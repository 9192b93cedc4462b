"""How the image processors of Idefics3, SmolVLM and Qwen prepare an image, as fixed squares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field
from torchvision.transforms import Compose, InterpolationMode, Normalize, Resize, ToTensor

from rateval.api import RatevalError
from rateval.modelkit import (
    ForeignMean,
    ForeignSize,
    ForeignStd,
    ForeignTable,
    Geometry,
    check_table,
    read_json,
)
from rateval_hf.options import ImageOptions
from rateval_hf.preprocessing import Preprocessing
from rateval_hf.settings import locate_settings, settings_in

_HALF = (0.5, 0.5, 0.5)
_CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
_USUAL: Mapping[str, tuple[Any, Any, int]] = {
    "idefics3": (_HALF, _HALF, 1),
    "qwen2_vl": (*_CLIP, 3),
}
"""Mean, deviation and PIL's number of the filter, where a file says none."""
INTERPOLATIONS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""PIL's numbers, torchvision's words."""
_Pixels = Annotated[int, Field(ge=1, le=2**32)]


class PictureOptions(ForeignTable):
    """What both processors may set."""

    do_resize: bool | None = None
    do_rescale: bool | None = None
    do_normalize: bool | None = None
    resample: Annotated[int, Field(ge=0, le=3)] | None = None
    rescale_factor: Annotated[float, Field(gt=0)] | None = None
    image_mean: ForeignMean | None = None
    image_std: ForeignStd | None = None
    inert: ClassVar[frozenset[str]] = ImageOptions.inert | {
        "crop_size",
        "do_center_crop",
        "video_processor_type",
    }


class TileOptions(PictureOptions):
    """What the image processor of an Idefics3 or a SmolVLM may set."""

    size: dict[str, ForeignSize] | None = None
    max_image_size: dict[str, ForeignSize] | None = None
    do_image_splitting: bool | None = None
    inert: ClassVar[frozenset[str]] = PictureOptions.inert | {
        "return_row_col_info",
        "video_sampling",
    }


class PatchOptions(PictureOptions):
    """What the image processor of a Qwen may set."""

    size: dict[str, _Pixels] | None = None
    min_pixels: _Pixels | None = None
    max_pixels: _Pixels | None = None
    patch_size: ForeignSize | None = None
    temporal_patch_size: ForeignSize | None = None
    merge_size: ForeignSize | None = None


Options = TypeVar("Options", bound=PictureOptions)


def read_picture_options(kind: type[Options], folder: Path) -> tuple[Options, Path]:
    """Read what a folder's image processor says, and the file that says it.

    Raises RatevalError when there is no such file, and for options that may not be set.
    """
    path = locate_settings(folder)
    content = read_json(path)
    if content.get("auto_map") is not None:
        check_table(ForeignTable, {"auto_map": content["auto_map"]}, str(path))
    return check_table(kind, settings_in(content), str(path)), path


def filter_of(options: PictureOptions, kind: str) -> int:
    """Return PIL's number of the filter by which images are resized."""
    return _USUAL[kind][2] if options.resample is None else options.resample


def make_steps(
    options: PictureOptions, path: Path, sides: Sequence[int], kind: str
) -> Preprocessing:
    """Make the transform that squares an image by way of ``sides`` pixels, the last of them its.

    ``kind`` names whose defaults fill what the file at ``path`` leaves out. Raises RatevalError for
    steps that are switched off or not known.
    """
    factor = options.rescale_factor or 1 / 255
    off = [
        name
        for name in ("do_resize", "do_rescale", "do_normalize")
        if getattr(options, name) is False
    ]
    if off or abs(factor * 255 - 1) > 1e-6:
        said = f"{off[0]} = false" if off else f"rescale_factor = {factor}"
        raise RatevalError(
            f"{path}: {said}: images are resized, rescaled by 1/255 and normalised; other steps "
            "are not supported: correct it"
        )
    usual = _USUAL[kind]
    mean = tuple(options.image_mean or usual[0])
    std = tuple(options.image_std or usual[1])
    way = InterpolationMode(INTERPOLATIONS[filter_of(options, kind)])
    resizing = [Resize((side, side), way) for side in sides]
    given = {"resample": options.resample, "image_mean": options.image_mean}
    given |= {"image_std": options.image_std}
    absent = [name for name, value in given.items() if value is None]
    said = f"images by transformers' default of {', '.join(absent)}, as {path.name} doesn't say"
    geometry = Geometry(Compose([*resizing, ToTensor(), Normalize(mean, std)]))
    return Preprocessing(geometry, mean, std, (said,) if absent else ())
