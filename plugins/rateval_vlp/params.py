"""Params of the albef and blip models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from rateval.api import Params

RANDOM = "random"
Mean = Annotated[float, Field(ge=0, le=1)]
Deviation = Annotated[float, Field(gt=0, le=10)]
Size = Annotated[int, Field(ge=1, le=65536)]


class SizeParams(Params):
    """Set the sizes of both towers; the defaults are ALBEF's (ViT-B/16, half of BERT base)."""

    image_size: Size = 224
    """Height and width of an image in pixels; a multiple of patch_size."""
    patch_size: Size = 16
    """Height and width of a patch in pixels."""
    width: Size = 768
    """Width of the vision tower; a multiple of heads."""
    depth: Size = 12
    """Layers of the vision tower."""
    heads: Size = 12
    """Attention heads of each vision layer."""
    text_width: Size = 768
    """Width of the text tower; a multiple of text_heads."""
    text_layers: Size = 6
    """Layers of the text tower; ALBEF's fusion layers above them are not counted."""
    text_heads: Size = 12
    """Attention heads of each text layer."""
    text_intermediate: Size = 3072
    """Hidden width of each text layer's feed-forward part."""
    vocabulary_size: Annotated[int, Field(ge=4, le=10_000_000)] = 30522
    """Rows of the word embedding."""
    max_positions: Size = 512
    """Rows of the text tower's position embedding."""
    embedding: Size = 256
    """Width of the space in which image and text are compared."""

    @model_validator(mode="after")
    def _check_multiples(self) -> SizeParams:
        for whole, part in (
            ("image_size", "patch_size"),
            ("width", "heads"),
            ("text_width", "text_heads"),
        ):
            if getattr(self, whole) % getattr(self, part):
                raise ValueError(
                    f"{whole} = {getattr(self, whole)} must be a multiple of "
                    f"{part} = {getattr(self, part)}"
                )
        return self


class BlipSizeParams(SizeParams):
    """Set the sizes of both towers; the defaults are those of BLIP with ViT-B/16."""

    text_layers: Size = 12
    """Layers of the text tower."""
    vocabulary_size: Annotated[int, Field(ge=4, le=10_000_000)] = 30524
    """Rows of the word embedding: BERT's words and BLIP's [DEC] and [ENC]."""


ALBEF_SIZES: Mapping[str, SizeParams] = {"base": SizeParams()}
BLIP_SIZES: Mapping[str, BlipSizeParams] = {
    "base": BlipSizeParams(),
    "large": BlipSizeParams(width=1024, depth=24, heads=16),
}


class _DualEncoderParams(Params):
    """Hold what albef and blip share."""

    pretrained: str = Field(min_length=1)
    """Path to a checkpoint of tensors; "random" draws the weights from seed 0, for tests and
    training from scratch."""
    vocabulary: str | None = Field(default=None, min_length=1)
    """Path to a WordPiece vocab.txt or tokenizer.json, or to a folder with one of them. None looks
    beside a Hugging Face folder's weights, then for bert-base-uncased in your Hugging Face cache;
    nothing is downloaded, and token ids need none."""
    prompt: str | Annotated[tuple[str, ...], Field(min_length=1)] = "a photo of a {class}"
    """Template of a class's prompt, or a list of templates; each holds {class} once or more."""
    image_mean: tuple[Mean, Mean, Mean] = (0.48145466, 0.4578275, 0.40821073)
    """Mean of red, green and blue on the scale 0 to 1, each in [0, 1]."""
    image_std: tuple[Deviation, Deviation, Deviation] = (0.26862954, 0.26130258, 0.27577711)
    """Their standard deviations, each in (0, 10]."""

    @field_validator("pretrained")
    @classmethod
    def _check_pretrained(cls, value: str) -> str:
        if value != RANDOM and not Path(value).expanduser().exists():
            raise ValueError(
                f"no such file: {value}; give a path to a checkpoint you have, "
                f'or "{RANDOM}" for a test'
            )
        return value

    @field_validator("vocabulary")
    @classmethod
    def _check_vocabulary(cls, value: str | None) -> str | None:
        if value is not None and not Path(value).expanduser().exists():
            raise ValueError(
                f"no such file: {value}; give a path to a vocab.txt or a tokenizer.json, or to a "
                "folder with one of them"
            )
        return value

    @field_validator("prompt", mode="before")
    @classmethod
    def _check_prompt(cls, value: Any) -> Any:
        templates = (value,) if isinstance(value, str) else value
        if not isinstance(templates, list | tuple) or not templates:
            raise ValueError('must be a template such as "a photo of a {class}", or a list of them')
        for template in templates:
            found = set(re.findall(r"\{[^{}]*\}", template)) if isinstance(template, str) else set()
            if found != {"{class}"}:
                raise ValueError(
                    f"{template!r} is no template; it must hold {{class}} where the name of the "
                    'class goes, and nothing else in braces, as in "a photo of a {class}"'
                )
        return value if isinstance(value, str) else tuple(templates)


class AlbefParams(_DualEncoderParams):
    """Set which ALBEF to load, with which weights, and how to speak to it."""

    pretrained: str = Field(min_length=1)
    """Path to ALBEF.pth, to a fine-tuned retrieval checkpoint, or to their tensors as safetensors;
    "random" draws the weights from seed 0, for tests and training from scratch."""
    size: SizeParams = ALBEF_SIZES["base"]
    """"base", or a table that differs from it in image_size, patch_size, width, depth, heads,
    text_width, text_layers, text_heads, text_intermediate, vocabulary_size, max_positions or
    embedding."""

    @field_validator("size", mode="before")
    @classmethod
    def _resolve_size(cls, value: Any) -> Any:
        return _preset(value, ALBEF_SIZES)


class BlipParams(_DualEncoderParams):
    """Set which BLIP to load, with which weights, and how to speak to it."""

    pretrained: str = Field(min_length=1)
    """Path to a checkpoint such as model_base.pth, to its tensors as safetensors, or to a Hugging
    Face folder of BlipForImageTextRetrieval; "random" draws the weights from seed 0, for tests and
    training from scratch."""
    size: BlipSizeParams | None = None
    """"base", "large", or a table that differs from "base" in image_size, patch_size, width, depth,
    heads, text_width, text_layers, text_heads, text_intermediate, vocabulary_size, max_positions or
    embedding. None takes the sizes of a Hugging Face folder, else "base"."""
    temperature: float | None = Field(default=None, gt=0, le=100)
    """What the cosine is divided by; None takes the checkpoint's. Hugging Face folders have none,
    and None then takes the one their config starts from (0.07)."""

    @field_validator("size", mode="before")
    @classmethod
    def _resolve_size(cls, value: Any) -> Any:
        return _preset(value, BLIP_SIZES)


def _preset(value: Any, sizes: Mapping[str, SizeParams]) -> Any:
    if not isinstance(value, str):
        return value
    if value not in sizes:
        names = " or ".join(f'"{name}"' for name in sizes)
        raise ValueError(f'"{value}" is no size; give {names}, or a table of sizes')
    return sizes[value]
