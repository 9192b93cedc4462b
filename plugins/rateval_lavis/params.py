"""Params of the lavis-albef and lavis-blip models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from rateval.api import Params

RANDOM = "random"
Channels = tuple[float, float, float]
Size = Annotated[int, Field(ge=1, le=65536)]
Vocabulary = Annotated[int, Field(ge=4, le=10_000_000)]


class LavisSizeParams(Params):
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
    vocabulary_size: Vocabulary = 30522
    """Rows of the word embedding."""
    max_positions: Size = 512
    """Rows of the text tower's position embedding."""
    embedding: Size = 256
    """Width of the space in which image and text are compared."""

    @model_validator(mode="after")
    def _check_multiples(self) -> LavisSizeParams:
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


class LavisBlipSizeParams(LavisSizeParams):
    """Set the sizes of both towers; the defaults are those of BLIP with ViT-B/16."""

    text_layers: Size = 12
    """Layers of the text tower."""
    vocabulary_size: Vocabulary = 30524
    """Rows of the word embedding: BERT's words and BLIP's [DEC] and [ENC]."""


class LavisParams(Params):
    """Hold what lavis-albef and lavis-blip share."""

    pretrained: str = Field(min_length=1)
    """Path to a checkpoint of tensors, official or saved by LAVIS (.pth, .pt, .safetensors);
    "random" draws the weights from seed 0, for tests."""
    config: str | None = Field(default=None, min_length=1)
    """Name of a model config that LAVIS brings, or a path to one of your own (.yaml). Its addresses
    of weights are not followed: pretrained names the checkpoint. None takes the feature extractor's
    (ViT-B/16, 224 pixels)."""
    size: LavisSizeParams | None = None
    """A table of sizes in place of a config, for a model of another size; what it leaves out is as
    in the feature extractor's config."""
    vocabulary: str | None = Field(default=None, min_length=1)
    """Path to a WordPiece vocab.txt, or to a folder with one. None looks for bert-base-uncased in
    your Hugging Face cache; nothing is downloaded, and token ids need none."""
    prompt: str | Annotated[tuple[str, ...], Field(min_length=1)] = "a photo of a {class}"
    """Template of a class's prompt, or a list of templates; each holds {class} once or more. It
    reaches the tokenizer as it is, without LAVIS' caption processor."""
    image_mean: Channels | None = None
    """Mean of red, green and blue on the scale 0 to 1, each in [0, 1]; None takes the config's."""
    image_std: Channels | None = None
    """Their standard deviations, each in (0, 10]; None takes the config's."""

    @field_validator("pretrained")
    @classmethod
    def _check_pretrained(cls, value: str) -> str:
        if value != RANDOM and not Path(value).expanduser().is_file():
            raise ValueError(
                f"no such file: {value}; give a path to a checkpoint you have, "
                f'or "{RANDOM}" for a test'
            )
        return value

    @field_validator("config")
    @classmethod
    def _check_config(cls, value: str | None) -> str | None:
        path = config_path(value)
        if path is not None and not path.is_file():
            raise ValueError(
                f"no such file: {path}; give a path to a LAVIS model config (.yaml), or the name "
                "of one that LAVIS brings, which has neither a slash nor an ending"
            )
        return value

    @field_validator("vocabulary")
    @classmethod
    def _check_vocabulary(cls, value: str | None) -> str | None:
        if value is not None and not Path(value).expanduser().exists():
            raise ValueError(
                f"no such file: {value}; give a path to a vocab.txt, or to a folder with one"
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

    @field_validator("image_mean")
    @classmethod
    def _check_mean(cls, value: Channels | None) -> Channels | None:
        if value is not None and not all(0 <= channel <= 1 for channel in value):
            raise ValueError(f"{list(value)}: each channel's mean must lie in [0, 1]")
        return value

    @field_validator("image_std")
    @classmethod
    def _check_std(cls, value: Channels | None) -> Channels | None:
        if value is not None and not all(0 < channel <= 10 for channel in value):
            raise ValueError(f"{list(value)}: each channel's deviation must lie in (0, 10]")
        return value

    @model_validator(mode="after")
    def _check_one_source(self) -> LavisParams:
        if self.config is not None and self.size is not None:
            raise ValueError(
                "config and size both say how large the model is; give one of them, not both"
            )
        return self


class LavisAlbefParams(LavisParams):
    """Set which ALBEF to load through LAVIS, with which weights, and how to speak to it."""

    token_types: bool | None = None
    """Whether the text tower adds BERT's token-type embedding, as ALBEF's own code does. LAVIS
    drops it, which changes every text feature of an official checkpoint. None adds it exactly when
    the checkpoint holds one; false gives the numbers of LAVIS as it comes."""


class LavisBlipParams(LavisParams):
    """Set which BLIP to load through LAVIS, with which weights, and how to speak to it."""

    size: LavisBlipSizeParams | None = None
    """A table of sizes in place of a config, for a model of another size; what it leaves out is as
    in the feature extractor's config."""


def config_path(config: str | None) -> Path | None:
    """Return the path that ``config`` is, or None when it is a name or None.

    >>> config_path("albef_retrieval_coco"), config_path("mine.yaml").name
    (None, 'mine.yaml')
    """
    if config is None or not re.search(r"[/\\~]|\.ya?ml$", config):
        return None
    return Path(config).expanduser()
