"""From an open_clip config to open_clip's own model."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import timm
import torch

from rateval.api import RatevalError
from rateval_clip.files import locate_config
from rateval_clip.options import check_options, read_config
from rateval_clip.params import ClipParams, names_tag
from rateval_clip.tags import named_config, tag_config, usual_preprocessing


@dataclass(frozen=True, slots=True)
class Architecture:
    """What is needed to build a model besides its weights."""

    name: str
    """What messages call it."""
    config: dict[str, Any]
    """open_clip's ``model_cfg``: embed_dim, vision_cfg, text_cfg and options."""
    preprocessing: dict[str, Any]
    """open_clip's ``preprocess_cfg``: mean, std, interpolation, resize_mode."""
    folder: Path | None
    """Where the tokenizer lies; None for open_clip's own."""


def find_architecture(params: ClipParams) -> Architecture:
    """Read the config that ``params`` names, and the preprocessing that belongs to it.

    Raises RatevalError for an unknown name, an unreadable file, an option of the config that may
    not be set or is out of its bounds, and for CoCa and text towers of transformers.
    """
    layout = locate_config(params.architecture)
    preprocessing: dict[str, Any] = {}
    if layout.config is not None:
        config, preprocessing = read_config(layout.config)
    elif isinstance(params.architecture, str):
        config = named_config(params.architecture)
        if params.pretrained is not None and names_tag(params):
            preprocessing = tag_config(params.architecture, params.pretrained)
        else:
            preprocessing = usual_preprocessing(params.architecture)
    else:
        config = params.architecture
    config = check_config(config, layout.source)
    return Architecture(layout.name, config, preprocessing, layout.folder)


def check_config(config: Any, where: str) -> dict[str, Any]:
    """Return what open_clip may see of a config that comes from ``where``.

    Raises what ``check_options`` raises, and RatevalError for an image tower that timm lacks.
    """
    options = check_options(config, where)
    timm_name = options.vision_cfg.timm_model_name
    if timm_name is not None and not timm.is_model(timm_name):
        raise RatevalError(
            f"{where}: vision_cfg.timm_model_name = {timm_name!r}: timm {timm.__version__} knows "
            "no such model; give the name of one that it builds itself"
        )
    return options.options()


def build_module(architecture: Architecture, seed: int) -> torch.nn.Module:
    """Build open_clip's class with weights drawn from ``seed``, on the CPU in float32.

    The global random state stays as it is. Raises RatevalError when open_clip cannot build it.
    """
    config = copy.deepcopy(architecture.config)
    # Weights of ImageNet, which would be fetched, only to be replaced.
    config["vision_cfg"].pop("timm_model_pretrained", None)
    kind = open_clip.CustomTextCLIP if config.pop("custom_text", False) else open_clip.CLIP
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            module: torch.nn.Module = kind(**config)
        except Exception as error:  # the config is the only cause there is
            raise RatevalError(
                f"{architecture.name}: open_clip cannot build this config: "
                f"{type(error).__name__}: {error}; compare it with open_clip's model_configs"
            ) from error
    return module.eval()
