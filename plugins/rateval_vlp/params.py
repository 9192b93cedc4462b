"""Params of the albef and blip models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from rateval.api import Params
from rateval.modelkit import (
    ImageMean,
    ImageStd,
    PromptTemplates,
    TowerSizeParams,
    WeightCopy,
    WeightPrefix,
    is_remote,
)

QUICKSTART = "quickstart"
RANDOM = "random"


class AlbefSizeParams(TowerSizeParams):
    """The sizes of both towers; the defaults are ALBEF's (ViT-B/16, half of BERT base)."""

    text_layers: Annotated[int, Field(ge=1, le=65536)] = 6
    """Layers of the text tower; ALBEF's fusion layers above them are not counted."""


class BlipSizeParams(TowerSizeParams):
    """The sizes of both towers; the defaults are those of BLIP with ViT-B/16."""

    vocabulary_size: Annotated[int, Field(ge=4, le=10_000_000)] = 30524
    """Rows of the word embedding: BERT's words and BLIP's [DEC] and [ENC]."""


ALBEF_SIZES: Mapping[str, AlbefSizeParams] = {"base": AlbefSizeParams()}
BLIP_SIZES: Mapping[str, BlipSizeParams] = {
    "base": BlipSizeParams(),
    "large": BlipSizeParams(width=1024, depth=24, heads=16),
}


class VlpParams(Params):
    """What all models of this plugin share: where their files are, and how images are prepared."""

    brought: ClassVar[tuple[str, ...]] = ()
    """Names of models that come with rateval."""

    pretrained: str = Field(min_length=1)
    """Path to an official checkpoint, to its tensors as safetensors, or to a Hugging Face folder;
    "random" draws the weights from seed 0, for tests and training from scratch."""
    prefix: WeightPrefix = None
    weights: WeightCopy = None
    size: TowerSizeParams | None = None
    """Sizes of all towers; None takes those of a folder, else those of the official model."""
    vocabulary: str | None = Field(default=None, min_length=1)
    """Path to a WordPiece vocab.txt or tokenizer.json, or to a folder with one of them. None looks
    beside a Hugging Face folder's weights, then for bert-base-uncased in your Hugging Face cache;
    nothing is downloaded."""
    image_mean: ImageMean = (0.48145466, 0.4578275, 0.40821073)
    """Mean of red, green and blue on the scale 0 to 1, each in [0, 1]."""
    image_std: ImageStd = (0.26862954, 0.26130258, 0.27577711)
    """Their standard deviations, each in (0, 10]."""

    @field_validator("pretrained")
    @classmethod
    def _check_pretrained(cls, value: str) -> str:
        named = value in (RANDOM, *cls.brought) or is_remote(value)
        if not named and not Path(value).expanduser().exists():
            tiny = "".join(f'"{name}" for the tiny model, ' for name in cls.brought)
            raise ValueError(
                f"no such file: {value}; give a path to a checkpoint or a folder you have, {tiny}"
                f'or "{RANDOM}" for a test'
            )
        return value

    @field_validator("vocabulary")
    @classmethod
    def _check_vocabulary(cls, value: str | None) -> str | None:
        if value is None or is_remote(value):
            return value
        if not Path(value).expanduser().exists():
            raise ValueError(
                f"no such file: {value}; give a path to a vocab.txt or a tokenizer.json, or to a "
                "folder with one of them"
            )
        return value

    @field_validator("size", "vocabulary")
    @classmethod
    def _check_quickstart(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and info.data.get("pretrained") == QUICKSTART:
            raise ValueError(
                f'pretrained = "{QUICKSTART}", the default, brings its own {info.field_name}; '
                f"leave {info.field_name} out, or set pretrained to the path of the checkpoint it "
                f'belongs to (or to "{RANDOM}" for a test)'
            )
        return value


class _DualEncoderParams(VlpParams):
    """What albef and blip share."""

    brought: ClassVar[tuple[str, ...]] = (QUICKSTART,)

    pretrained: str = Field(default=QUICKSTART, min_length=1)
    """Path to a checkpoint of tensors; "quickstart" is the tiny model that comes with rateval, with
    its own size and vocabulary; "random" draws the weights from seed 0, for tests and training from
    scratch."""
    size: TowerSizeParams | None = None
    """Sizes of both towers; None takes those of the checkpoint."""
    vocabulary: str | None = Field(default=None, min_length=1)
    """Path to a WordPiece vocab.txt or tokenizer.json, or to a folder with one of them. None takes
    the quickstart's own, or looks beside a Hugging Face folder's weights, then for
    bert-base-uncased in your Hugging Face cache; nothing is downloaded, and token ids need none."""
    prompt: PromptTemplates = "a photo of a {class}"
    """Template of a class's prompt, a list of templates, the path of a file with one in each line
    ("./prompts.txt", from the spec's folder), or "openai-imagenet" for CLIP's 80 ones. A template
    holds {class} once or more. A class is the mean of its prompts."""


class AlbefParams(_DualEncoderParams):
    """Which ALBEF to load, with which weights, and how to speak to it."""

    pretrained: str = Field(default=QUICKSTART, min_length=1)
    """Path to ALBEF.pth, to a fine-tuned retrieval checkpoint, to their tensors as safetensors, or
    to a folder that rateval exported; "quickstart" is the tiny model that comes with rateval, with
    its own size and vocabulary; "random" draws the weights from seed 0, for tests and training from
    scratch."""
    size: AlbefSizeParams | None = None
    """"base", or a table that differs from it in image_size, patch_size, width, depth, heads,
    text_width, text_layers, text_heads, text_intermediate, vocabulary_size, max_positions or
    embedding. None takes the sizes of the quickstart or of a folder, else "base"."""

    @field_validator("size", mode="before")
    @classmethod
    def _resolve_size(cls, value: Any) -> Any:
        return choose_size(value, ALBEF_SIZES)


class BlipParams(_DualEncoderParams):
    """Which BLIP to load, with which weights, and how to speak to it."""

    pretrained: str = Field(default=QUICKSTART, min_length=1)
    """Path to a checkpoint such as model_base.pth, to its tensors as safetensors, to a Hugging
    Face folder of BlipForImageTextRetrieval, or to a folder that rateval exported; "quickstart" is
    the tiny model that comes with rateval, with its own size and vocabulary; "random" draws the
    weights from seed 0, for tests and training from scratch."""
    size: BlipSizeParams | None = None
    """"base", "large", or a table that differs from "base" in image_size, patch_size, width, depth,
    heads, text_width, text_layers, text_heads, text_intermediate, vocabulary_size, max_positions or
    embedding. None takes the sizes of the quickstart or of a folder, else "base"."""
    temperature: float | None = Field(default=None, gt=0, le=100)
    """What the cosine is divided by; None takes the checkpoint's. Hugging Face folders have none,
    and None then takes the one their config starts from (0.07)."""

    @field_validator("size", mode="before")
    @classmethod
    def _resolve_size(cls, value: Any) -> Any:
        return choose_size(value, BLIP_SIZES)


def choose_size(value: Any, sizes: Mapping[str, TowerSizeParams]) -> Any:
    """Return the size that a text names, and what is no text as it is. Raises ValueError."""
    if not isinstance(value, str):
        return value
    if value not in sizes:
        names = " or ".join(f'"{name}"' for name in sizes)
        raise ValueError(f'"{value}" is no size; give {names}, or a table of sizes')
    return sizes[value]
