"""Params of the clip model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from rateval.api import Params
from rateval.modelkit import (
    ImageMean,
    ImageStd,
    PromptTemplates,
    WeightCopy,
    WeightPrefix,
    is_remote,
)

QUICKSTART = "quickstart"
RANDOM = "random"
CONFIG_KEYS = ("embed_dim", "vision_cfg", "text_cfg")
WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".index.json")


class ClipParams(Params):
    """Which CLIP to load, with which weights, and how to speak to it."""

    architecture: str | dict[str, Any] = QUICKSTART
    """Name of an open_clip architecture, such as "ViT-B-32"; or a path to an open_clip config (a
    .json file, or a folder with weights; "./name" for one here); or that config as a table.
    "quickstart" is the tiny CLIP that comes with rateval."""
    pretrained: str | None = Field(default=None, min_length=1)
    """Path to a checkpoint (.safetensors, .bin, .pt, .pth, .ckpt, the .index.json of
    shards; OpenAI's archives, too), or an
    open_clip tag whose file is in your cache. None takes the weights in the architecture's folder;
    "random" draws them from the seed, for tests and benchmarks."""
    prefix: WeightPrefix = None
    weights: WeightCopy = None
    resize_positions: bool = False
    """Whether to interpolate the position embedding of a checkpoint for another image size, as
    open_clip's own loader does; otherwise such a checkpoint is refused."""
    prompt: PromptTemplates = "a photo of a {class}"
    """Template of a class's prompt, a list of templates, the path of a file with one in each line
    ("./prompts.txt", from the spec's folder), or "openai-imagenet" for CLIP's 80 ones. A template
    holds {class} once or more. A class is the mean of its prompts."""
    image_mean: ImageMean | None = None
    """Mean of red, green and blue on the scale 0 to 1, each in [0, 1]; None takes the model's."""
    image_std: ImageStd | None = None
    """Their standard deviations, each in (0, 10]; None takes the model's own."""

    @field_validator("architecture", mode="before")
    @classmethod
    def _check_architecture(cls, value: Any) -> Any:
        if isinstance(value, dict):
            absent = [key for key in CONFIG_KEYS if key not in value]
            if absent:
                raise ValueError(
                    f"a table must be an open_clip config; it lacks {', '.join(absent)}"
                )
            return value
        if not isinstance(value, str) or not value:
            raise ValueError(
                "must be the name of an open_clip architecture, a path to a config, or a table "
                f"with {', '.join(CONFIG_KEYS)}"
            )
        path = config_path(value)
        if path is not None and not is_remote(str(value)) and not path.exists():
            raise ValueError(
                f"no such file: {path}; give a folder with open_clip_config.json, a .json config, "
                'or the name of an open_clip architecture, which has no slash, such as "ViT-B-32"'
            )
        return value

    @field_validator("pretrained", mode="after")
    @classmethod
    def _check_pretrained(cls, value: str | None) -> str | None:
        path = checkpoint_path(value)
        if path is not None and not is_remote(str(value)) and not path.is_file():
            raise ValueError(
                f"no such file: {path}; give a path to a checkpoint, or an open_clip tag, which "
                "has neither a slash nor a file's ending"
            )
        return value

    @model_validator(mode="after")
    def _check_weights(self) -> ClipParams:
        architecture = self.architecture
        if self.pretrained is not None or architecture == QUICKSTART:
            return self
        path = config_path(architecture) if isinstance(architecture, str) else None
        if isinstance(architecture, str) and is_remote(architecture):
            return self
        if path is None or not path.is_dir():
            raise ValueError(
                "pretrained is missing, and this architecture brings no weights of its own; set "
                'pretrained to a checkpoint or an open_clip tag (or to "random" for a test)'
            )
        return self


def names_tag(params: ClipParams) -> bool:
    """Return whether ``pretrained`` is one of open_clip's tags.

    >>> names_tag(ClipParams(architecture="ViT-B-32", pretrained="openai")), names_tag(ClipParams())
    (True, False)
    """
    named = params.pretrained
    return named is not None and named != RANDOM and checkpoint_path(named) is None


def config_path(architecture: str) -> Path | None:
    """Return ``architecture`` as a path, or None when it is a name.

    >>> config_path("ViT-B-32"), config_path("./mine").name
    (None, 'mine')
    """
    text = architecture.removeprefix("local-dir:")
    return Path(text).expanduser() if text != architecture or _is_path(text, ".json") else None


def checkpoint_path(pretrained: str | None) -> Path | None:
    """Return ``pretrained`` as a path, or None when it is a tag, "random" or None.

    >>> checkpoint_path("laion2b_s34b_b79k"), checkpoint_path("weights.pt").name
    (None, 'weights.pt')
    """
    if pretrained is None or not _is_path(pretrained, *WEIGHT_SUFFIXES):
        return None
    return Path(pretrained).expanduser()


def _is_path(text: str, *suffixes: str) -> bool:
    return "/" in text or "\\" in text or text.startswith("~") or text.lower().endswith(suffixes)
