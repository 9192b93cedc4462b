"""A live CLIPModel or SiglipModel of transformers as a model; its weights stay its owner's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from transformers import ProcessorMixin

from rateval.api import ModelCard, RatevalError
from rateval.modelkit import Geometry, read_transform, require_templates
from rateval_hf.encoder import Encoder, name_architecture
from rateval_hf.preprocessing import Preprocessing, follow_settings
from rateval_hf.settings import parse_settings
from rateval_hf.tokens import Tokens


class WrappedHfClip(Encoder):
    """A live CLIPModel or SiglipModel as a ``rateval.api.Model``."""

    def load_checkpoint(self, state: Mapping[str, torch.Tensor], source: Path) -> NoReturn:
        """Raise RatevalError: the owner loads weights."""
        raise RatevalError(f"{source}: load it into the module yourself, and wrap that again")

    def export_checkpoint(self, folder: Path) -> NoReturn:
        """Raise RatevalError: the owner saves weights."""
        raise RatevalError(f"{folder}: save the module yourself; rateval has only wrapped it")


def wrap_hf_clip(
    module: Any,
    *,
    tokenizer: Any = None,
    preprocess: Any = None,
    prompt: Any = "a photo of a {class}",
) -> WrappedHfClip:
    """Wrap a live ``CLIPModel`` or ``SiglipModel``.

    ``tokenizer`` and ``preprocess`` are a tokenizer and an image processor of transformers, a
    processor that holds both in place of either, or a torchvision Compose for ``preprocess``.
    Raises RatevalError without ``preprocess``, for one of another size, and for a tower whose
    attention cannot be recorded.
    """
    name = type(module).__name__
    vision, text = module.config.vision_config, module.config.text_config
    given = tokenizer, preprocess
    both: Any = next((one for one in given if isinstance(one, ProcessorMixin)), None)
    if both is not None:
        tokenizer = both.tokenizer if tokenizer in (None, both) else tokenizer
        preprocess = both.image_processor if preprocess in (None, both) else preprocess
    if preprocess is None:
        raise RatevalError(
            f"{name}: preprocess is missing; give its image processor, what "
            "AutoProcessor.from_pretrained returns"
        )
    prepared = _read(preprocess, module.config.model_type, vision.image_size, name)
    made = WrappedHfClip(name, module, prepared.geometry, require_templates(prompt))
    length = text.max_position_embeddings
    made.tokenizer = None if tokenizer is None else Tokens(tokenizer, length, text.vocab_size, name)
    made.card = ModelCard(
        architecture=name_architecture(module),
        image_size=(vision.image_size, vision.image_size),
        mean=prepared.mean,
        std=prepared.std,
        text_length=length,
        head_feature="projected embedding"
        if vision.model_type.startswith("clip")
        else "pooled embedding",
        licence="unknown",
        source="a live model of transformers",
        checkpoint="",
        assumed=prepared.assumed,
    )
    return made


def _read(preprocess: Any, kind: str, size: int, name: str) -> Preprocessing:
    if hasattr(preprocess, "to_json_string"):
        content = json.loads(preprocess.to_json_string())
        where = Path(type(preprocess).__name__)
        return follow_settings(parse_settings(content, where, kind), size)
    read = read_transform(preprocess)
    if read.size != (size, size):
        raise RatevalError(
            f"{name}: preprocess makes images of {read.size[0]} x {read.size[1]} pixels, and the "
            f"model takes {size} x {size}; give the transform that belongs to it"
        )
    geometry: Geometry = read.geometry
    return Preprocessing(geometry, read.mean, read.std)
