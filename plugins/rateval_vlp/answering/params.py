"""Params of the blip-vqa and blip-caption models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from rateval_vlp.params import QUICKSTART, BlipSizeParams, VlpParams, choose_size

_Tokens = Annotated[int, Field(ge=1, le=512)]


class BlipVqaSizeParams(BlipSizeParams):
    """The sizes of all towers; the defaults are those of BLIP's official VQA checkpoints."""

    image_size: Annotated[int, Field(ge=1, le=65536)] = 480
    """Height and width of an image in pixels; a multiple of patch_size."""


class BlipCaptionSizeParams(BlipSizeParams):
    """The sizes of both towers; the defaults are those of BLIP's official captioner."""

    image_size: Annotated[int, Field(ge=1, le=65536)] = 384
    """Height and width of an image in pixels; a multiple of patch_size."""


VQA_SIZES: Mapping[str, BlipVqaSizeParams] = {"base": BlipVqaSizeParams()}
CAPTION_SIZES: Mapping[str, BlipCaptionSizeParams] = {
    "base": BlipCaptionSizeParams(),
    "large": BlipCaptionSizeParams(width=1024, depth=24, heads=16),
}


class AnsweringParams(VlpParams):
    """What blip-vqa and blip-caption share."""

    size: BlipSizeParams | None = None
    """Sizes of all towers; None takes those of a folder, else those of the official model."""
    max_new_tokens: _Tokens = 20
    """Tokens that an answer is generated of at most, its end included."""


class BlipVqaParams(AnsweringParams):
    """Which BLIP answers questions, with which weights, and how."""

    brought: ClassVar[tuple[str, ...]] = (QUICKSTART,)

    pretrained: str = Field(default=QUICKSTART, min_length=1)
    """"quickstart" is the tiny model that comes with rateval. Else a path to a checkpoint such as
    model_base_vqa_capfilt_large.pth, to its tensors as safetensors, or to a Hugging Face folder of
    BlipForQuestionAnswering; "random" draws the weights from seed 0, for tests and training from
    scratch."""
    size: BlipVqaSizeParams | None = None
    """"base", or a table that differs from it in image_size, patch_size, width, depth, heads,
    text_width, text_layers, text_heads, text_intermediate, vocabulary_size or max_positions; width
    and text_width must be equal. None takes the sizes of a folder, else "base"."""
    max_new_tokens: _Tokens = 10
    """Tokens that an answer is generated of at most, its end included."""
    question_begins: Literal["[ENC]", "[CLS]"] | None = None
    """Word before a question: "[ENC]" as BLIP was trained, "[CLS]" as transformers' processor has
    it. None takes "[CLS]" for a Hugging Face folder, else "[ENC]"."""

    @field_validator("size", mode="before")
    @classmethod
    def _resolve_size(cls, value: Any) -> Any:
        return choose_size(value, VQA_SIZES)

    @model_validator(mode="after")
    def _check_widths(self) -> Self:
        if self.size is not None and self.size.width != self.size.text_width:
            raise ValueError(
                f"size: width = {self.size.width} and text_width = {self.size.text_width}: must be "
                "equal, as transformers gives the decoder of answers keys of the image's width"
            )
        return self


class BlipCaptionParams(AnsweringParams):
    """Which BLIP writes captions, with which weights, and how."""

    brought: ClassVar[tuple[str, ...]] = (QUICKSTART,)

    pretrained: str = Field(default=QUICKSTART, min_length=1)
    """"quickstart" is the tiny model that comes with rateval. Else a path to a checkpoint such as
    model_base_caption_capfilt_large.pth, to its tensors as safetensors, or to a Hugging Face folder
    of BlipForConditionalGeneration; "random" draws the weights from seed 0, for tests and training
    from scratch."""
    size: BlipCaptionSizeParams | None = None
    """"base", "large", or a table that differs from "base" in image_size, patch_size, width, depth,
    heads, text_width, text_layers, text_heads, text_intermediate, vocabulary_size or max_positions.
    None takes the sizes of a folder, else "base"."""
    prompt: str = Field(default="a picture of ", max_length=200)
    """What every caption begins with; it is neither scored nor a part of the answer. May be
    empty."""

    @field_validator("size", mode="before")
    @classmethod
    def _resolve_size(cls, value: Any) -> Any:
        return choose_size(value, CAPTION_SIZES)
