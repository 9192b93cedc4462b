"""Build transformers' own class and load a folder's weights into it, without a gap."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

from rateval.api import RatevalError
from rateval_hf.files import locate_weights, read_json

_CLASSES: Mapping[str, tuple[Any, Any]] = {
    "clip": (CLIPConfig, CLIPModel),
    "siglip": (SiglipConfig, SiglipModel),
}
# Counters that older versions of transformers saved.
_IGNORED = re.compile(r"(text|vision)_model\.embeddings\.position_ids")
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Loaded:
    """Hold a model with its weights, and what became of the folder's keys."""

    module: nn.Module
    """CLIPModel or SiglipModel, on the CPU in float32, in eval mode."""
    config: Any
    """Its CLIPConfig or SiglipConfig."""
    checkpoint: Path
    used: int
    ignored: tuple[str, ...]

    @property
    def is_clip(self) -> bool:
        """Tell CLIP from SigLIP."""
        return bool(self.config.model_type == "clip")


def load(folder: Path) -> Loaded:
    """Build the model that ``folder`` describes and copy its weights, every one of them.

    Raises RatevalError for a config of another kind of model, and for weights that are absent,
    damaged, unsafe, or not those of the config.
    """
    path = folder / "config.json"
    content = read_json(path)
    kind = content.get("model_type")
    if kind not in _CLASSES:
        raise RatevalError(
            f"{path}: model_type is {kind!r}; hf-clip loads {' and '.join(_CLASSES)} only"
        )
    make_config, make_model = _CLASSES[str(kind)]
    try:
        config = make_config.from_dict(content)
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
    files = locate_weights(folder)
    state = {key: value for file in files for key, value in _read(file).items()}
    ignored = tuple(key for key in state if _IGNORED.fullmatch(key))
    used = {key: value for key, value in state.items() if key not in ignored}
    _require_all(used, module.state_dict(), files)
    module.load_state_dict(used)
    return Loaded(module, config, files[0], len(used), ignored)


def _read(path: Path) -> dict[str, torch.Tensor]:
    try:
        content: Any = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except pickle.UnpicklingError as error:
        raise RatevalError(
            f"{path}: refused, and nothing in it was executed: it is a pickle with more than "
            "tensors, which can run any code when it is opened; give safetensors"
        ) from error
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError) as error:
        raise RatevalError(
            f"{path}: not readable, perhaps damaged or cut short ({type(error).__name__}); copy it "
            "again"
        ) from error
    if not isinstance(content, dict) or not all(
        isinstance(value, torch.Tensor) for value in content.values()
    ):
        raise RatevalError(f"{path}: holds no state dict (names of weights with their tensors)")
    return content


def _require_all(
    used: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], files: Sequence[Path]
) -> None:
    missing = [key for key in wanted if key not in used]
    unexpected = [key for key in used if key not in wanted]
    misfits = [
        f"{key} is {tuple(used[key].shape)}, must be {tuple(value.shape)}"
        for key, value in wanted.items()
        if key in used and used[key].shape != value.shape
    ]
    faults = (("missing", missing), ("unexpected", unexpected), ("of another shape", misfits))
    parts = [f"{len(keys)} {what} ({_list(keys)})" for what, keys in faults if keys]
    if parts:
        raise RatevalError(
            f"{files[0]}: the keys are not those of config.json: {'; '.join(parts)}. Loaded like "
            "that, the results would be those of partly random weights; give the weights that were "
            "saved with this config"
        )


def _list(items: Iterable[str]) -> str:
    items = list(items)
    rest = len(items) - _SHOWN
    return ", ".join(items[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
