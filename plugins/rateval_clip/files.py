"""The files that make a CLIP. This module imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.api import RatevalError
from rateval_clip.params import (
    QUICKSTART,
    RANDOM,
    WEIGHT_SUFFIXES,
    ClipParams,
    checkpoint_path,
    config_path,
)

CONFIG_NAME = "open_clip_config.json"
WEIGHTS_NAME = "open_clip_model.safetensors"
_QUICKSTART_FOLDER = Path(__file__).parent / "quickstart"
# The order in which open_clip looks for weights in a folder.
WEIGHT_NAMES = (
    WEIGHTS_NAME,
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a config comes from."""

    name: str
    """What messages call it."""
    config: Path | None = None
    """The JSON file; None for a name that open_clip knows and for a table."""
    folder: Path | None = None
    """The folder of config, weights and tokenizer; None when there is none."""

    @property
    def source(self) -> str:
        """What messages about an option name: the file, where there is one."""
        return self.name if self.config is None else str(self.config)


def locate_config(architecture: str | dict[str, Any]) -> Layout:
    """Find the config that ``architecture`` names.

    Raises RatevalError when a folder holds no config.
    """
    if not isinstance(architecture, str):
        return Layout("the inline architecture")
    path = _QUICKSTART_FOLDER if architecture == QUICKSTART else config_path(architecture)
    if path is None:
        return Layout(architecture)
    if not path.is_dir():
        return Layout(path.name, config=path)
    config = path / CONFIG_NAME
    if not config.is_file():
        raise RatevalError(
            f"{path}: the folder holds no {CONFIG_NAME}; give a folder that open_clip saved, or a "
            "path to a .json config"
        )
    name = architecture if architecture == QUICKSTART else path.name
    return Layout(name, config=config, folder=path)


def locate_weights(params: ClipParams, layout: Layout) -> Path | None:
    """Find the checkpoint; None when the weights are to be drawn at random.

    Raises RatevalError when there is none, and for a tag that is not in the user's cache.
    """
    if params.pretrained == RANDOM:
        return None
    if params.pretrained is None:
        if layout.folder is None:
            raise RatevalError(
                f"{layout.name} brings no weights of its own; set pretrained to a checkpoint or an "
                'open_clip tag (or to "random" for a test)'
            )
        return _weights_of(layout.folder)
    path = checkpoint_path(params.pretrained)
    if path is not None:
        return path
    # Only a tag needs open_clip, which imports torch.
    from rateval_clip.tags import cached_weights

    if layout.config is not None or not isinstance(params.architecture, str):
        raise RatevalError(
            f"pretrained = {params.pretrained!r} is no path, and only architectures that open_clip "
            f"knows by name have tags, not {layout.name}; give a path to a checkpoint"
        )
    return cached_weights(params.architecture, params.pretrained)


def _weights_of(folder: Path) -> Path:
    for name in WEIGHT_NAMES:
        if (folder / name).is_file():
            return folder / name
    found = sorted(path for path in folder.iterdir() if path.suffix in WEIGHT_SUFFIXES)
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} checkpoints, none by a name of open_clip's" if found else "no checkpoint"
    raise RatevalError(
        f"{folder}: the folder holds {what}; name the file by pretrained, or call it {WEIGHTS_NAME}"
    )
