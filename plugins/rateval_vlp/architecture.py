"""Sizes of a dual encoder, and the few facts in which ALBEF and BLIP differ.

This module imports no torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ValidationError

from rateval.api import RatevalError
from rateval.modelkit import TowerSizeParams, check_table, read_json, require_buildable
from rateval_vlp.options import ModelOptions
from rateval_vlp.params import (
    ALBEF_SIZES,
    BLIP_SIZES,
    AlbefParams,
    AlbefSizeParams,
    BlipParams,
    BlipSizeParams,
)

SIZE_NAME = "size.json"
"""Of a folder that rateval wrote."""
PADDING = 0
"""The word that fills a prompt, which nothing attends."""
Size = TypeVar("Size", AlbefSizeParams, BlipSizeParams)


@dataclass(frozen=True, slots=True)
class Architecture:
    """What is needed to build a dual encoder besides its weights."""

    family: Literal["albef", "blip"]
    size: TowerSizeParams
    text_length: int
    """Tokens of a prompt at most."""
    added_tokens: int = 0
    """Rows of the word embedding that the vocabulary file need not have."""
    vision_eps: float = 1e-6
    """Of the vision tower's layer norms."""
    text_eps: float = 1e-12
    """Of the text tower's layer norms."""
    temperature: float | None = None
    """What replaces the checkpoint's; None keeps that."""
    hugging_face: bool = False
    """True when all of this is from the config.json of a Hugging Face folder."""

    @property
    def name(self) -> str:
        """Its name in messages and in the model card."""
        size = self.size
        return (
            f"{self.family.upper()} (vision {size.depth} x {size.width}, patch {size.patch_size} "
            f"of {size.image_size} px; text {size.text_layers} x {size.text_width})"
        )


def albef_architecture(params: AlbefParams, config: Path | None = None) -> Architecture:
    """Return ALBEF's facts; ``config`` is the size.json of a folder that rateval wrote.

    Raises RatevalError when it is unreadable.
    """
    size = params.size or ALBEF_SIZES["base"]
    if config is not None:
        size = _resized(_read_size(AlbefSizeParams, config), params.size, config)
    return Architecture("albef", size, text_length=30)


def blip_architecture(params: BlipParams, config: Path | None) -> Architecture:
    """Return BLIP's facts; ``config`` is a Hugging Face folder's config.json or a size.json.

    Raises RatevalError when the config is unreadable or describes another model.
    """
    size = params.size or BLIP_SIZES["base"]
    if config is not None and config.name == SIZE_NAME:
        size = _resized(_read_size(BlipSizeParams, config), params.size, config)
    # Two are [DEC] and [ENC], which text mode never uses.
    official = Architecture(
        "blip",
        size,
        text_length=35,
        added_tokens=2,
        temperature=params.temperature,
    )
    if config is None or config.name == SIZE_NAME:
        return official
    content = _read_config(config)
    size = _resized(_folder_size(content, config), params.size, config)
    return Architecture(
        "blip",
        size,
        official.text_length,
        official.added_tokens,
        vision_eps=content.vision.layer_norm_eps,
        text_eps=content.text.layer_norm_eps,
        # The class has no temperature of its own.
        temperature=params.temperature or math.exp(-content.logit_scale_init_value),
        hugging_face=True,
    )


def _read_size(kind: type[Size], path: Path) -> Size:
    content = read_json(path)
    try:
        # Types as they are: true is no size, and "3" is none either.
        size = kind.model_validate(content, strict=True)
    except ValidationError as error:
        raise RatevalError(f"{path}: no table of sizes: {_list_faults(error)}") from error
    _require_sane(size, path)
    return size


def _require_sane(size: TowerSizeParams, path: Path) -> None:
    numbers = (
        size.depth * 12 * size.width**2 + (size.image_size // size.patch_size) ** 2 * size.width
    )
    text = size.text_width * (4 * size.text_width + 2 * size.text_intermediate)
    words = (size.vocabulary_size + size.max_positions) * size.text_width
    require_buildable(numbers + size.text_layers * text + words, str(path))


def _list_faults(error: ValidationError) -> str:
    return "; ".join(f"{fault['loc'][-1:]}: {fault['msg']}" for fault in error.errors())


def _read_config(path: Path) -> ModelOptions:
    content = read_json(path)
    found = content.get("model_type")
    if found != "blip":
        raise RatevalError(
            f"{path}: describes {found!r}, not 'blip'; give a folder of BlipForImageTextRetrieval"
        )
    return check_table(ModelOptions, content, str(path))


def _folder_size(config: ModelOptions, path: Path) -> BlipSizeParams:
    vision, text = config.vision, config.text
    unlike = {
        "vision_config.intermediate_size": (vision.intermediate_size, 4 * vision.hidden_size),
        "vision_config.hidden_act": (vision.hidden_act, "gelu"),
        "text_config.hidden_act": (text.hidden_act, "gelu"),
        "text_config.pad_token_id": (text.pad_token_id, PADDING),
    }
    for key, (found, supported) in unlike.items():
        if found != supported:
            raise RatevalError(
                f"{path}: {key} is {found!r}; BLIP's is {supported!r}, and no other is supported"
            )
    try:
        size = BlipSizeParams(
            image_size=vision.image_size,
            patch_size=vision.patch_size,
            width=vision.hidden_size,
            depth=vision.num_hidden_layers,
            heads=vision.num_attention_heads,
            text_width=text.hidden_size,
            text_layers=text.num_hidden_layers,
            text_heads=text.num_attention_heads,
            text_intermediate=text.intermediate_size,
            vocabulary_size=text.vocab_size,
            max_positions=text.max_position_embeddings,
            embedding=config.image_text_hidden_size,
        )
    except ValidationError as error:
        raise RatevalError(f"{path}: its sizes cannot be built: {_list_faults(error)}") from error
    _require_sane(size, path)
    return size


def _resized(own: Size, asked: Size | None, path: Path) -> Size:
    if asked is None:
        return own
    wanted = asked.model_dump()
    others = {
        name: value
        for name, value in own.model_dump().items()
        if name != "image_size" and value != wanted[name]
    }
    if others:
        name, value = next(iter(others.items()))
        raise RatevalError(
            f"{path}: says {name} = {value}, size says {wanted[name]}; of a folder's sizes only "
            "image_size can be changed: leave size out, or repeat the folder's own"
        )
    return asked
