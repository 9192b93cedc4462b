"""Turn an open_clip config into open_clip's own model."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import open_clip
import torch

from rateval.api import RatevalError
from rateval.modelkit import read_json, suggest
from rateval_clip.files import locate_config
from rateval_clip.params import CONFIG_KEYS, RANDOM, ClipParams, checkpoint_path
from rateval_clip.tags import named_config, tag_config, usual_preprocessing

_OPTIONS = ("quick_gelu", "init_logit_scale", "init_logit_bias", "nonscalar_logit_scale")


@dataclass(frozen=True, slots=True)
class Architecture:
    """Hold what is needed to build a model besides its weights."""

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

    Raises RatevalError for an unknown name, an unreadable file, an unknown key in the config, and
    for CoCa and text towers of transformers.
    """
    layout = locate_config(params.architecture)
    preprocessing: dict[str, Any] = {}
    if layout.config is not None:
        content = read_json(layout.config)
        config = content.get("model_cfg", content)
        preprocessing = dict(content.get("preprocess_cfg", {}))
    elif isinstance(params.architecture, str):
        config = named_config(params.architecture)
        if params.pretrained is not None and _is_tag(params):
            preprocessing = tag_config(params.architecture, params.pretrained)
        else:
            preprocessing = usual_preprocessing(params.architecture)
    else:
        config = params.architecture
    config = copy.deepcopy(config)
    check_config(config, layout.name)
    return Architecture(layout.name, config, preprocessing, layout.folder)


def _is_tag(params: ClipParams) -> bool:
    return params.pretrained != RANDOM and checkpoint_path(params.pretrained) is None


def check_config(config: dict[str, Any], name: str) -> None:
    """Raise RatevalError for keys that open_clip doesn't know and for text towers it can't use."""
    absent = [key for key in CONFIG_KEYS if key not in config]
    if absent:
        raise RatevalError(f"{name}: not an open_clip config; it lacks {', '.join(absent)}")
    if "multimodal_cfg" in config:
        raise RatevalError(
            f"{name}: a CoCa, which pools tokens by many queries, so that its attention cannot be "
            'followed to the embedding; give a CLIP, such as "ViT-B-32"'
        )
    _check_keys(config, (*CONFIG_KEYS, *_OPTIONS, "custom_text"), name, "")
    vision, text = config["vision_cfg"], config["text_cfg"]
    for key, table, known in (
        ("vision_cfg", vision, open_clip.CLIPVisionCfg),
        ("text_cfg", text, open_clip.CLIPTextCfg),
    ):
        if not isinstance(table, dict):
            raise RatevalError(f"{name}: {key} must be a table, not {type(table).__name__}")
        _check_keys(table, [field.name for field in fields(known)], name, f"{key}.")
    if isinstance(vision.get("layers"), list | tuple):
        raise RatevalError(
            f"{name}: its image tower is a ResNet, which has no self-attention to explain; give a "
            'vision transformer, such as "ViT-B-32"'
        )
    if text.get("hf_model_name"):
        raise RatevalError(
            f"{name}: its text tower is transformers' {text['hf_model_name']}, which cannot be "
            "used in this version; give an architecture with open_clip's own text tower, such as "
            '"ViT-B-32"'
        )


def _check_keys(table: dict[str, Any], known: Iterable[str], name: str, where: str) -> None:
    known = list(known)
    for key in table:
        if key not in known:
            raise RatevalError(
                f"{name}: {where}{key}: open_clip {open_clip.__version__} has no such key; "
                f"{suggest(key, known)}"
            )


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
