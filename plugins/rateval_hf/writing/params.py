"""Params of the vlm model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from rateval.api import Params
from rateval.modelkit import is_remote

QUESTION = "{question}"


class VlmParams(Params):
    """Which folder to load, how its images are cut, and what it is asked."""

    folder: str = Field(min_length=1)
    """Path to a folder of LLaVA, Idefics3, SmolVLM, Qwen2-VL or Qwen2.5-VL: config.json, weights as
    safetensors, preprocessor_config.json (or processor_config.json), tokenizer.json and a chat
    template."""
    image_size: Annotated[int, Field(ge=1, le=65536)] | None = None
    """Height and width of an image in pixels. None takes the model's own: of its image tower, with
    tiles of its processor, and 448 for Qwen, whose images may be of any multiple of 28."""
    tiles: bool = False
    """Whether Idefics3 and SmolVLM also see the image cut into squares, as their processors do;
    false shows them the whole image alone. Attention among all tiles of an image is recorded as one
    matrix, which takes memory by the square of their number."""
    instruction: str = "{question}\nAnswer the question using a single word or phrase."
    """What the model is told; holds {question} once."""
    caption: str = "Describe the image in one short sentence."
    """What the model is told where nothing is asked; "" refuses an empty question."""
    max_new_tokens: Annotated[int, Field(ge=1, le=4096)] = 20
    """Tokens that an answer is generated of at most, its end included."""

    @field_validator("folder")
    @classmethod
    def _check_folder(cls, value: str) -> str:
        if not is_remote(value) and not Path(value).expanduser().is_dir():
            raise ValueError(
                f"no such folder: {value}; give the path of a folder on disk; a name on the hub "
                "is none, as nothing is downloaded in a run"
            )
        return value

    @field_validator("instruction")
    @classmethod
    def _check_instruction(cls, value: str) -> str:
        if value.count(QUESTION) != 1:
            raise ValueError(
                f"holds {QUESTION} {value.count(QUESTION)} times; it must stand there once, where "
                "the question goes"
            )
        return value
