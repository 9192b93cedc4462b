"""Params of the lavis-albef and lavis-blip models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, field_validator, model_validator

from rateval.api import Params
from rateval.modelkit import ImageMean, ImageStd, PromptTemplates, TowerSizeParams, is_remote

RANDOM = "random"


class LavisAlbefSizeParams(TowerSizeParams):
    """The sizes of both towers; the defaults are ALBEF's (ViT-B/16, half of BERT base)."""

    text_layers: Annotated[int, Field(ge=1, le=65536)] = 6
    """Layers of the text tower; ALBEF's fusion layers above them are not counted."""


class LavisBlipSizeParams(TowerSizeParams):
    """The sizes of both towers; the defaults are those of BLIP with ViT-B/16."""

    vocabulary_size: Annotated[int, Field(ge=4, le=10_000_000)] = 30524
    """Rows of the word embedding: BERT's words and BLIP's [DEC] and [ENC]."""


class LavisFilesParams(Params):
    """What every model of LAVIS is made from."""

    family: ClassVar[str] = "albef"
    """``albef`` or ``blip``."""
    usual_config: ClassVar[str] = "albef_feature_extractor"
    """The config that LAVIS brings and that is taken when none is named."""

    pretrained: str = Field(min_length=1)
    """Path to a checkpoint of tensors, official or saved by LAVIS (.pth, .pt, .safetensors);
    "random" draws the weights from seed 0, for tests."""
    config: str | None = Field(default=None, min_length=1)
    """Name of a model config that LAVIS brings, or a path to one of your own (.yaml). Its addresses
    of weights are not followed: pretrained names the checkpoint. None takes the feature extractor's
    (ViT-B/16, 224 pixels)."""
    size: TowerSizeParams | None = None
    """A table of sizes in place of a config, for a model of another size; what it leaves out is as
    in the feature extractor's config."""
    vocabulary: str | None = Field(default=None, min_length=1)
    """Path to a WordPiece vocab.txt, or to a folder with one. None looks for bert-base-uncased in
    your Hugging Face cache; nothing is downloaded, and token ids need none."""
    image_mean: ImageMean | None = None
    """Mean of red, green and blue on the scale 0 to 1, each in [0, 1]; None takes the config's."""
    image_std: ImageStd | None = None
    """Their standard deviations, each in (0, 10]; None takes the config's."""

    @field_validator("pretrained")
    @classmethod
    def _check_pretrained(cls, value: str) -> str:
        named = value == RANDOM or is_remote(value)
        if not named and not Path(value).expanduser().is_file():
            raise ValueError(
                f"no such file: {value}; give a path to a checkpoint you have, "
                f'or "{RANDOM}" for a test'
            )
        return value

    @field_validator("config")
    @classmethod
    def _check_config(cls, value: str | None) -> str | None:
        path = config_path(value)
        if path is not None and not is_remote(str(value)) and not path.is_file():
            raise ValueError(
                f"no such file: {path}; give a path to a LAVIS model config (.yaml), or the name "
                "of one that LAVIS brings, which has neither a slash nor an ending"
            )
        return value

    @field_validator("vocabulary")
    @classmethod
    def _check_vocabulary(cls, value: str | None) -> str | None:
        if value is None or is_remote(value):
            return value
        if not Path(value).expanduser().exists():
            raise ValueError(
                f"no such file: {value}; give a path to a vocab.txt, or to a folder with one"
            )
        return value

    @model_validator(mode="after")
    def _check_one_source(self) -> LavisFilesParams:
        if self.config is not None and self.size is not None:
            raise ValueError(
                "config and size both say how large the model is; give one of them, not both"
            )
        return self


class LavisParams(LavisFilesParams):
    """What lavis-albef and lavis-blip share."""

    prompt: PromptTemplates = "a photo of a {class}"
    """Template of a class's prompt, a list of templates, the path of a file with one in each line
    ("./prompts.txt", from the spec's folder), or "openai-imagenet" for CLIP's 80 ones. A template
    holds {class} once or more. A class is the mean of its prompts, which reach the tokenizer as
    they are, without LAVIS' caption processor."""


class LavisAlbefParams(LavisParams):
    """Which ALBEF to load through LAVIS, with which weights, and how to speak to it."""

    size: LavisAlbefSizeParams | None = None
    """A table of sizes in place of a config, for a model of another size; what it leaves out is as
    in the feature extractor's config."""
    token_types: bool | None = None
    """Whether the text tower adds BERT's token-type embedding, as ALBEF's own code does. LAVIS
    drops it, which changes every text feature of an official checkpoint. None adds it exactly when
    the checkpoint holds one; false gives the numbers of LAVIS as it comes."""


class LavisBlipParams(LavisParams):
    """Which BLIP to load through LAVIS, with which weights, and how to speak to it."""

    family: ClassVar[str] = "blip"
    usual_config: ClassVar[str] = "blip_feature_extractor_base"

    size: LavisBlipSizeParams | None = None
    """A table of sizes in place of a config, for a model of another size; what it leaves out is as
    in the feature extractor's config."""


class LavisVqaSizeParams(TowerSizeParams):
    """The sizes of all towers; the defaults are those of LAVIS' ALBEF for questions."""

    image_size: Annotated[int, Field(ge=1, le=65536)] = 384
    """Height and width of an image in pixels; a multiple of patch_size."""
    fusion_layer: Annotated[int, Field(ge=0, le=65536)] = 6
    """The first layer of the question's tower that looks at the image, counted from 0; below
    text_layers."""
    decoder_layers: Annotated[int, Field(ge=1, le=65536)] = 6
    """Layers of the answer's tower, all of which look at the question."""

    @model_validator(mode="after")
    def _check_fusion(self) -> LavisVqaSizeParams:
        if self.fusion_layer >= self.text_layers:
            raise ValueError(
                f"fusion_layer = {self.fusion_layer} must be below text_layers = "
                f"{self.text_layers}, so that a question looks at the image"
            )
        return self


class LavisAlbefVqaParams(LavisFilesParams):
    """Which ALBEF answers questions through LAVIS, with which weights, and how."""

    usual_config: ClassVar[str] = "albef_vqav2"

    config: str | None = Field(default=None, min_length=1)
    """Name of a model config that LAVIS brings, or a path to one of your own (.yaml). Its addresses
    of weights are not followed: pretrained names the checkpoint. None takes albef_vqav2 (ViT-B/16,
    384 pixels)."""
    size: LavisVqaSizeParams | None = None
    """A table of sizes in place of a config, for a model of another size; what it leaves out is as
    in albef_vqav2."""
    max_new_tokens: Annotated[int, Field(ge=1, le=512)] = 10
    """Tokens that an answer is generated of at most, its end included."""
    token_types: bool | None = None
    """Whether BERT's token-type embedding is added, as ALBEF's own code does. LAVIS has none, so it
    is added to the positions. None adds it exactly when the checkpoint holds one; false gives the
    numbers of LAVIS as it comes."""


def config_path(config: str | None) -> Path | None:
    """Return ``config`` as a path, or None when it is a name or None.

    >>> config_path("albef_retrieval_coco"), config_path("mine.yaml").name
    (None, 'mine.yaml')
    """
    if config is None or not re.search(r"[/\\~]|\.ya?ml$", config):
        return None
    return Path(config).expanduser()
