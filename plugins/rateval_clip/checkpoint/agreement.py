"""What weights don't say of themselves, held against what they were trained with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import open_clip
from open_clip.transform import PreprocessCfg

from rateval.api import RatevalError
from rateval_clip.architecture import Architecture, find_architecture
from rateval_clip.checkpoint.origin import PREPARATION, Origin, find_origin
from rateval_clip.params import ClipParams, config_path
from rateval_clip.preprocessing import make_geometry

_SET_BY_PARAMS = {"mean": "image_mean", "std": "image_std"}
_ACTIVATIONS = {True: "QuickGELU", False: "GELU"}
_SUFFIX = "-quickgelu"


def check_file(params: ClipParams, path: Path) -> None:
    """Raise what ``require_agreement`` raises, without reading the weights or building a model."""
    origin = find_origin(path)
    if origin is not None:
        architecture = find_architecture(params)
        settings = architecture.preprocessing | overrides(params)
        _, preprocessing = make_geometry({**settings, "size": 224})  # whatever the size is
        require_agreement(origin, architecture, params, preprocessing, path)


def overrides(params: ClipParams) -> dict[str, Any]:
    """Return what ``params`` set of the images' preparation.

    >>> overrides(ClipParams())
    {}
    """
    given = {key: getattr(params, name) for key, name in _SET_BY_PARAMS.items()}
    return {key: value for key, value in given.items() if value is not None}


def require_agreement(
    origin: Origin,
    architecture: Architecture,
    params: ClipParams,
    preprocessing: PreprocessCfg,
    path: Path,
) -> None:
    """Raise RatevalError when the weights at ``path`` were trained as another model than this.

    That is with another activation, or on images that were prepared otherwise, unless ``params``
    say how.
    """
    own = bool(architecture.config.get("quick_gelu"))
    if origin.quick_gelu != own:
        raise RatevalError(
            f"{path}: these weights were trained with {_ACTIVATIONS[origin.quick_gelu]} "
            f"({origin.why}), and {architecture.name} computes {_ACTIVATIONS[own]}, which would "
            f"change every result; {_mend_activation(params, origin.quick_gelu)}"
        )
    asked = {
        key: value
        for key, value in origin.preparation.items()
        if _plain(value) != _plain(getattr(preprocessing, key)) and key not in overrides(params)
    }
    if asked:
        said = ", ".join(f"{key} = {_plain(value)}" for key, value in asked.items())
        used = ", ".join(f"{key} = {_plain(getattr(preprocessing, key))}" for key in asked)
        names = [_SET_BY_PARAMS[key] for key in asked if key in _SET_BY_PARAMS]
        by_params = f"set {' and '.join(names)}, " if len(names) == len(asked) else ""
        raise RatevalError(
            f"{path}: these weights were trained on images prepared by {said} ({origin.why}), and "
            f"{architecture.name} would prepare them by {used}; {by_params}give the tag as "
            "pretrained, or the whole folder, with its open_clip_config.json, as architecture"
        )


def list_assumptions(
    origin: Origin | None,
    architecture: Architecture,
    params: ClipParams,
    preprocessing: PreprocessCfg,
) -> tuple[str, ...]:
    """Return in sentences what no file says of the weights, and what was taken for it."""
    known = {} if origin is None else origin.preparation
    own_folder = params.pretrained is None
    told = architecture.preprocessing if own_folder else {}
    found = []
    if origin is None and not own_folder:
        own = bool(architecture.config.get("quick_gelu"))
        found.append(
            f"activation {_ACTIVATIONS[own]}, as {architecture.name} has it; nothing says whether "
            f"the weights were trained with {_ACTIVATIONS[not own]}"
        )
    open_keys = [key for key in PREPARATION if key not in {*known, *told, *overrides(params)}]
    for keys, whose in (
        ([k for k in open_keys if k in architecture.preprocessing], architecture.name),
        ([k for k in open_keys if k not in architecture.preprocessing], "open_clip's default"),
    ):
        if keys:
            values = ", ".join(f"{key} {_show(getattr(preprocessing, key))}" for key in keys)
            found.append(
                f"images by {values}, as {whose} has it; nothing says what the weights were "
                "trained on"
            )
    return tuple(found)


def _mend_activation(params: ClipParams, quick_gelu: bool) -> str:
    name = params.architecture
    if isinstance(name, str) and config_path(name) is None:
        other = name + _SUFFIX if quick_gelu else name.removesuffix(_SUFFIX)
        if other in open_clip.list_models():
            return f'use architecture = "{other}"'
    return f"set quick_gelu = {str(quick_gelu).lower()} in the config of the architecture"


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else value


def _show(value: Any) -> str:
    return " ".join(f"{part:.4g}" for part in value) if isinstance(value, list | tuple) else value
