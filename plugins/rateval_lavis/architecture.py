"""From a LAVIS config, or a table of sizes, to LAVIS' own model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torchvision.transforms import Compose

from rateval.api import RatevalError
from rateval.modelkit import TowerSizeParams
from rateval_lavis.files import PATCH_SIZE, ModelConfig, describe_vision, read_config
from rateval_lavis.params import LavisParams
from rateval_lavis.preprocessing import make_transform
from rateval_lavis.upstream import (
    BertConfig,
    OfflineAlbef,
    OfflineBlip,
    VisionTransformerEncoder,
    XBertEncoder,
)

_CLASSES: dict[str, Any] = {"albef": OfflineAlbef, "blip": OfflineBlip}
_TEXT_LENGTH = {"albef": 30, "blip": 35}
# Stands in LAVIS' code, not in its configs.
_FUSION_LAYER = 6
_VISION_EPS = 1e-6


@dataclass(frozen=True, slots=True)
class Architecture:
    """What is needed to build a model besides its weights."""

    family: str
    """``albef`` or ``blip``."""
    name: str
    """What messages and the model card call it."""
    vision: Mapping[str, Any]
    """Arguments of LAVIS' vision transformer."""
    text: Mapping[str, Any]
    """A BERT config whose every layer belongs to the text tower."""
    embedding: int
    """Width of the space in which image and text are compared."""
    text_length: int
    """Tokens of a prompt at most."""
    transform: Compose
    """From an RGB image to (3, H, W) float32, the last step a Normalize."""


def find_architecture(params: LavisParams) -> Architecture:
    """Read what ``params`` say of the model's size.

    Raises RatevalError for an unreadable or unfitting config.
    """
    return _from_config(params) if params.size is None else _from_size(params, params.size)


def _from_size(params: LavisParams, size: TowerSizeParams) -> Architecture:
    family = params.family
    name = (
        f"LAVIS {family.upper()} ({describe_vision(size.width, size.depth, size.patch_size)}, "
        f"{size.image_size} px; text {size.text_layers} x {size.text_width})"
    )
    return Architecture(
        family=family,
        name=name,
        vision=size.vision_arguments,
        text={**size.text_arguments, "encoder_width": size.width},
        embedding=size.embedding,
        text_length=min(_TEXT_LENGTH[family], size.max_positions),
        transform=make_transform(name, size.image_size, {}, params),
    )


def _from_config(params: LavisParams) -> Architecture:
    family, config = params.family, read_config(params)
    model, text = config.model, dict(config.text)
    if family == "albef":
        text["num_hidden_layers"] = text.get("fusion_layer", _FUSION_LAYER)
    return Architecture(
        family=family,
        name=config.name,
        vision=vision_arguments(config),
        text=text,
        embedding=model.get("embed_dim", 256),
        text_length=model.get("max_txt_len", _TEXT_LENGTH[family]),
        transform=make_transform(config.name, config.image_size, config.processor, params),
    )


def vision_arguments(config: ModelConfig) -> dict[str, Any]:
    """Return what LAVIS' vision transformer takes for a config."""
    model = config.model
    width, depth, heads, drop_path = config.tower
    eps = float(model.get("vit_layer_norm_epsilon", -1))
    return {
        "img_size": config.image_size,
        "patch_size": PATCH_SIZE,
        "embed_dim": width,
        "depth": depth,
        "num_heads": heads,
        "drop_path_rate": drop_path or model.get("vit_drop_path_rate", 0),
        "norm_layer": partial(nn.LayerNorm, eps=_VISION_EPS if eps == -1 else eps),
    }


def build_module(architecture: Architecture, seed: int, token_types: bool = False) -> nn.Module:
    """Build LAVIS' class with weights drawn from ``seed``, on the CPU in float32.

    Only what the contrast of image and text uses is built: ALBEF's fusion layers and BLIP's
    cross-attention are not. The global random state stays as it is. Raises RatevalError when LAVIS
    cannot build it.
    """
    layers = architecture.text.get("num_hidden_layers", 12)
    # With its fusion at the end, LAVIS' BERT is a text tower alone.
    only_text = {"fusion_layer": layers, "add_cross_attention": False}
    text = {**architecture.text, **only_text, "add_type_embeddings": token_types}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            vision_tower = VisionTransformerEncoder(**architecture.vision)
            vision_tower.vision_width = architecture.vision["embed_dim"]
            text_tower = XBertEncoder(config=BertConfig(**text), add_pooling_layer=False)
            module: nn.Module = _CLASSES[architecture.family](
                image_encoder=vision_tower,
                text_encoder=text_tower,
                embed_dim=architecture.embedding,
                max_txt_len=architecture.text_length,
            )
        except Exception as error:  # the config is the only cause there is
            raise RatevalError(
                f"{architecture.name}: LAVIS cannot build this: {type(error).__name__}: {error}; "
                "compare it with the configs that LAVIS brings"
            ) from error
    return module.eval()
