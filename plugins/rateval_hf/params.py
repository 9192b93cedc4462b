"""Params of the hf-clip model."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from rateval.api import Params
from rateval.modelkit import (
    ImageMean,
    ImageStd,
    PromptTemplates,
    WeightCopy,
    WeightPrefix,
    is_remote,
)


class HfClipParams(Params):
    """Which folder to load, and how to speak to the model in it."""

    folder: str = Field(min_length=1)
    """Path to a folder that CLIPModel or SiglipModel of transformers saved: config.json, weights,
    preprocessor_config.json (or processor_config.json) and the tokenizer's files."""
    prefix: WeightPrefix = None
    weights: WeightCopy = None
    prompt: PromptTemplates = "a photo of a {class}"
    """Template of a class's prompt, a list of templates, the path of a file with one in each line
    ("./prompts.txt", from the spec's folder), or "openai-imagenet" for CLIP's 80 ones. A template
    holds {class} once or more. A class is the mean of its prompts."""
    image_mean: ImageMean | None = None
    """Mean of red, green and blue on the scale 0 to 1, each in [0, 1]; None takes the folder's."""
    image_std: ImageStd | None = None
    """Their standard deviations, each in (0, 10]; None takes the folder's."""

    @field_validator("folder")
    @classmethod
    def _check_folder(cls, value: str) -> str:
        if not is_remote(value) and not Path(value).expanduser().is_dir():
            raise ValueError(
                f"no such folder: {value}; give the path of a folder on disk; a name on the hub "
                "is none, as nothing is downloaded in a run"
            )
        return value
