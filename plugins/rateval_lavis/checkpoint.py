"""Checkpoints in LAVIS' classes without a gap, and what of them has no use."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rateval.api import RatevalError
from rateval.modelkit import require_same_weights
from rateval_lavis.upstream import interpolate_pos_embed, quiet

_POSITIONS = "visual_encoder.pos_embed"
_TYPE_EMBEDDING = "text_encoder.embeddings.token_type_embeddings.weight"
# Momentum copies, queues and the heads of other tasks; position_ids are 0, 1, 2, …
_UNUSED = re.compile(
    r"\w+_m\..+|\w+_queue|queue_ptr|ptr_queue|(itm_head|text_decoder|text_encoder\.cls)\..+"
    r"|.+\.position_ids|.+\.crossattention\..+"
)
_FUSION = re.compile(r"text_encoder\.encoder\.layer\.(\d+)\.crossattention\..+")
_LAYER = re.compile(r"text_encoder\.encoder\.layer\.(\d+)\..+")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a checkpoint's keys."""

    used: int = 0
    """Tensors that were loaded."""
    ignored: tuple[str, ...] = ()
    """Keys that the model has no use for."""
    assumed: tuple[str, ...] = ()
    """What was done to fit them, in sentences."""


def rename(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weights as LAVIS' retrieval models name them: ``text_encoder.`` without ``bert.``.

    >>> list(rename({"text_encoder.bert.embeddings.LayerNorm.bias": torch.zeros(1)}))
    ['text_encoder.embeddings.LayerNorm.bias']
    """
    return {
        key.replace("text_encoder.bert.", "text_encoder."): value for key, value in state.items()
    }


def has_token_types(state: Mapping[str, torch.Tensor]) -> bool:
    """Return whether a renamed checkpoint holds BERT's token-type embedding.

    >>> has_token_types({"temp": torch.tensor(0.07)})
    False
    """
    return _TYPE_EMBEDDING in state


def load_weights(
    module: nn.Module, state: Mapping[str, torch.Tensor], path: Path, *, fuses: bool
) -> Loaded:
    """Copy a renamed ``state`` into ``module``, every weight of it.

    The position embedding of another square grid is interpolated by LAVIS' function, in
    float32. ``fuses`` says that layers with cross-attention come after the text tower (ALBEF), not
    inside it (BLIP). Raises RatevalError when keys are missing, unexpected or of another shape,
    listing up to ten.
    """
    wanted = {key: value for key, value in module.state_dict().items() if not _is_index(key)}
    fusion = _fusion_layers(state) if fuses else set()
    types = set() if has_token_types(wanted) else {_TYPE_EMBEDDING}
    ignored = {key for key in state if key in types or _has_no_use(key, fusion)}
    given = {key: value for key, value in state.items() if key not in ignored}
    resized: tuple[str, ...] = ()
    if _POSITIONS in given:
        before = given[_POSITIONS].shape
        given[_POSITIONS] = fit_positions(given[_POSITIONS], module, path)
        if given[_POSITIONS].shape != before:
            rows = given[_POSITIONS].shape[1]
            resized = (f"positions interpolated from {before[1]} rows to {rows}",)
    require_same_weights(
        given,
        wanted,
        path,
        owner="this model",
        remedy=(
            "give the config or the size that the checkpoint was trained with, or its checkpoint"
        ),
    )
    module.load_state_dict(given, strict=False)
    return Loaded(len(given), tuple(sorted(ignored)), resized)


def _is_index(key: str) -> bool:
    return key.endswith(".position_ids")


def _has_no_use(key: str, fusion: set[str]) -> bool:
    layer = _LAYER.fullmatch(key)
    return bool(_UNUSED.fullmatch(key)) or (layer is not None and layer[1] in fusion)


def _fusion_layers(state: Mapping[str, torch.Tensor]) -> set[str]:
    # Told by what they hold, so that a wrong number of text layers is noticed.
    return {found[1] for key in state if (found := _FUSION.fullmatch(key))}


def fit_positions(positions: torch.Tensor, module: nn.Module, path: Path) -> torch.Tensor:
    """Return the position embedding (1, N, D) for the module's grid, by LAVIS' function.

    Raises RatevalError where it is not of a class token and a square grid.
    """
    tower: Any = module.visual_encoder
    patches = positions.shape[1] - 1 if positions.ndim == 3 else 0
    if patches < 1 or math.isqrt(patches) ** 2 != patches:
        grid = tower.patch_embed.grid_size
        raise RatevalError(
            f"{path}: {_POSITIONS} is {tuple(positions.shape)}: not a class token and a square "
            f"grid of patches, so it cannot be fitted to {grid[0]} x {grid[1]}; give another "
            "checkpoint"
        )
    with quiet():
        fitted: torch.Tensor = interpolate_pos_embed(positions.float(), tower)
    return fitted
