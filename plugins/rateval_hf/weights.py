"""transformers' own class, built and loaded with a folder's weights, without a gap."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

from rateval.api import RatevalError
from rateval.modelkit import read_weights, require_same_weights
from rateval_hf.activation import list_assumptions, require_same_activation
from rateval_hf.files import find_weights, folder_of, locate_weights
from rateval_hf.options import CONFIG_NAME, Kind, read_config
from rateval_hf.params import HfClipParams

_CLASSES: Mapping[Kind, tuple[Any, Any]] = {
    "clip": (CLIPConfig, CLIPModel),
    "siglip": (SiglipConfig, SiglipModel),
}
# Counters that older versions of transformers saved.
_IGNORED = re.compile(r"(text|vision)_model\.embeddings\.position_ids")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model with its weights, and what became of the folder's keys."""

    module: nn.Module
    """CLIPModel or SiglipModel, on the CPU in float32, in eval mode."""
    config: Any
    """Its CLIPConfig or SiglipConfig."""
    checkpoint: Path
    used: int
    ignored: tuple[str, ...]
    assumed: tuple[str, ...] = ()
    """What the config doesn't say, in sentences."""

    @property
    def is_clip(self) -> bool:
        """Whether it is CLIP, not SigLIP."""
        return bool(self.config.model_type == "clip")


def load(params: HfClipParams) -> Loaded:
    """Build the model that a folder describes and copy its weights, every one of them.

    Raises RatevalError for a config of another kind of model, for options that may not be set, and
    for weights that are absent, damaged, unsafe, or not those of the config.
    """
    folder = folder_of(params)
    path = folder / CONFIG_NAME
    kind, options = read_config(path)
    require_same_activation(folder, kind, options)
    make_config, make_model = _CLASSES[kind]
    try:
        config = make_config.from_dict(options)
        with torch.random.fork_rng(devices=[]):
            # The config may ask for half precision, which the context decides about.
            module: nn.Module = make_model(config).float().eval()
    except Exception as error:  # the config is the only cause there is
        raise RatevalError(
            f"{path}: transformers cannot build this config: {type(error).__name__}: {error}"
        ) from error
    vision = config.vision_config
    if not isinstance(vision.image_size, int) or not isinstance(vision.patch_size, int):
        raise RatevalError(f"{path}: only square images and patches are supported")
    first = locate_weights(folder)[0]
    read = read_weights(
        find_weights(folder), module.state_dict(), prefix=params.prefix, weights=params.weights
    )
    used, ignored = load_weights(module, read.state, first)
    assumed = (*list_assumptions(kind, options), *read.told)
    return Loaded(module, config, first, used, (*ignored, *read.left_out), assumed)


def load_weights(
    module: nn.Module, state: Mapping[str, torch.Tensor], path: Path
) -> tuple[int, tuple[str, ...]]:
    """Copy ``state`` into ``module``, every weight of it.

    Returns how many tensors were used and the keys of those that have no use. Raises RatevalError,
    with ``path``, when keys are missing, unexpected or of another shape.
    """
    ignored = tuple(key for key in state if _IGNORED.fullmatch(key))
    used = {key: value for key, value in state.items() if key not in ignored}
    require_same_weights(
        used,
        module.state_dict(),
        path,
        owner="config.json",
        remedy="give the weights that were saved with this config",
    )
    module.load_state_dict(used)
    return len(used), ignored
