"""From a LAVIS config, or a table of sizes, to LAVIS' own ALBEF that answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torchvision.transforms import Compose

from rateval.api import RatevalError
from rateval_lavis.architecture import vision_arguments
from rateval_lavis.files import describe_vision, read_config
from rateval_lavis.params import LavisAlbefVqaParams, LavisVqaSizeParams
from rateval_lavis.preprocessing import make_transform
from rateval_lavis.upstream import (
    BertConfig,
    BertLMHeadModel,
    OfflineAlbefVqa,
    VisionTransformerEncoder,
    XBertEncoder,
)

_ARCH = "albef_vqa"
# These stand in LAVIS' code, not in its configs.
_TEXT_LENGTH = 25
_FUSION_LAYER = 6
_DECODER_LAYERS = 6


@dataclass(frozen=True, slots=True)
class AnsweringArchitecture:
    """What is needed to build a model besides its weights."""

    name: str
    """What messages and the model card call it."""
    vision: Mapping[str, Any]
    """Arguments of LAVIS' vision transformer."""
    question: Mapping[str, Any]
    """A BERT config whose layers look at the image from ``fusion_layer`` on."""
    answer: Mapping[str, Any]
    """A BERT config whose every layer looks at the question."""
    text_length: int
    """Tokens of a question at most."""
    transform: Compose
    """From an RGB image to (3, H, W) float32, the last step a Normalize."""


def find_answering_architecture(params: LavisAlbefVqaParams) -> AnsweringArchitecture:
    """Read what ``params`` say of the model's size.

    Raises RatevalError for an unreadable or unfitting config.
    """
    if params.size is not None:
        return _from_size(params, params.size)
    config = read_config(params)
    model, text = config.model, dict(config.text)
    if model["arch"] != _ARCH:
        raise RatevalError(
            f"{config.path}: model.arch = {model['arch']!r}: must be {_ARCH}, LAVIS' ALBEF that "
            "answers questions; leave config out, or name one of it, such as albef_vqav2"
        )
    text.setdefault("fusion_layer", _FUSION_LAYER)
    return AnsweringArchitecture(
        config.name,
        vision_arguments(config),
        *_towers(text, _DECODER_LAYERS),
        model.get("max_txt_len", _TEXT_LENGTH),
        make_transform(config.name, config.image_size, config.processor, params),
    )


def _from_size(params: LavisAlbefVqaParams, size: LavisVqaSizeParams) -> AnsweringArchitecture:
    name = (
        f"LAVIS ALBEF VQA ({describe_vision(size.width, size.depth, size.patch_size)}, "
        f"{size.image_size} px; question {size.text_layers} x {size.text_width}, answer "
        f"{size.decoder_layers})"
    )
    own = {"encoder_width": size.width, "fusion_layer": size.fusion_layer}
    return AnsweringArchitecture(
        name,
        size.vision_arguments,
        *_towers(size.text_arguments | own, size.decoder_layers),
        min(_TEXT_LENGTH, size.max_positions),
        make_transform(name, size.image_size, {}, params),
    )


def _towers(text: Mapping[str, Any], layers: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the configs of the question's and of the answer's tower."""
    question = {**text, "add_cross_attention": True, "add_type_embeddings": False}
    looks_at_question = {
        "fusion_layer": 0,
        "num_hidden_layers": layers,
        "encoder_width": text.get("hidden_size", 768),
    }
    return question, question | looks_at_question


def build_answering_module(architecture: AnsweringArchitecture, seed: int) -> nn.Module:
    """Build LAVIS' AlbefVQA with weights drawn from ``seed``, on the CPU in float32.

    Its copies for distillation are not built. The global random state stays as it is. Raises
    RatevalError when LAVIS cannot build it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            tower = VisionTransformerEncoder(**architecture.vision)
            tower.vision_width = architecture.vision["embed_dim"]
            question = BertConfig(**architecture.question)
            module: nn.Module = OfflineAlbefVqa(
                image_encoder=tower,
                text_encoder=XBertEncoder(config=question, add_pooling_layer=False),
                text_decoder=BertLMHeadModel(config=BertConfig(**architecture.answer)),
                use_distill=False,
                max_txt_len=architecture.text_length,
            )
        except Exception as error:  # the config is the only cause there is
            raise RatevalError(
                f"{architecture.name}: LAVIS cannot build this: {type(error).__name__}: {error}; "
                "compare it with the configs that LAVIS brings"
            ) from error
    return module.eval()
