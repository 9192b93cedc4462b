"""Params of the hf-clip model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator

from rateval.api import Params

Mean = Annotated[float, Field(ge=0, le=1)]
Deviation = Annotated[float, Field(gt=0, le=10)]


class HfClipParams(Params):
    """Set which folder to load, and how to speak to the model in it."""

    folder: str = Field(min_length=1)
    """Path to a folder that CLIPModel or SiglipModel of transformers saved: config.json, weights,
    preprocessor_config.json (or processor_config.json) and the tokenizer's files."""
    prompt: str | Annotated[tuple[str, ...], Field(min_length=1)] = "a photo of a {class}"
    """Template of a class's prompt, or a list of templates; each holds {class} once or more."""
    image_mean: tuple[Mean, Mean, Mean] | None = None
    """Mean of red, green and blue on the scale 0 to 1, each in [0, 1]; None takes the folder's."""
    image_std: tuple[Deviation, Deviation, Deviation] | None = None
    """Their standard deviations, each in (0, 10]; None takes the folder's."""

    @field_validator("folder")
    @classmethod
    def _check_folder(cls, value: str) -> str:
        if not Path(value).expanduser().is_dir():
            raise ValueError(
                f"no such folder: {value}; give the path of a folder on disk; a name on the hub "
                "is none, as nothing is downloaded in a run"
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
