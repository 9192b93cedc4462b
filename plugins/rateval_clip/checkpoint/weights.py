"""A checkpoint's tensors put into open_clip's module, without a gap."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from open_clip.convert import convert_state_dict
from open_clip.model import convert_to_custom_text_state_dict, resize_pos_embed

from rateval.api import RatevalError
from rateval.modelkit import require_same_weights

# Plain numbers and a constant mask in OpenAI's and old open_clip's files, not weights.
_NOT_WEIGHTS = re.compile(r"(input_resolution|context_length|vocab_size|(.+\.)?attn_mask)")
_POSITIONS = "visual.positional_embedding"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a checkpoint's keys."""

    used: int = 0
    """Tensors that were loaded."""
    ignored: tuple[str, ...] = ()
    """Keys that the model has no use for."""
    assumed: tuple[str, ...] = ()
    """What no file says, in sentences."""


def load_weights(
    module: torch.nn.Module,
    state: Mapping[str, torch.Tensor],
    path: Path,
    *,
    resize_positions: bool = False,
) -> Loaded:
    """Copy ``state`` into ``module``, every weight of it.

    Key names of older files are converted by open_clip's own functions. Raises RatevalError when
    keys are missing, unexpected or of another shape, listing up to ten; with ``resize_positions``
    the position embedding of another image size is interpolated by open_clip's function instead.
    """
    ignored = tuple(key for key in state if _NOT_WEIGHTS.fullmatch(key))
    given = {key: value for key, value in state.items() if key not in ignored}
    given = _rename(module, given)
    wanted = module.state_dict()
    for key in ("logit_scale", "logit_bias"):
        # Some files keep it as a vector of one number.
        if key in given and key in wanted and given[key].numel() == wanted[key].numel():
            given[key] = given[key].reshape(wanted[key].shape)
    resized: tuple[str, ...] = ()
    if resize_positions and _is_square(given.get(_POSITIONS)):
        before = len(given[_POSITIONS])
        given[_POSITIONS] = given[_POSITIONS].float()
        resize_pos_embed(given, module)
        if len(given[_POSITIONS]) != before:
            resized = (f"positions interpolated from {before} rows to {len(given[_POSITIONS])}",)
    _refuse_another_grid(given, wanted, path)
    require_same_weights(
        given,
        wanted,
        path,
        owner="this architecture",
        remedy="give the architecture that the checkpoint was trained with, or its checkpoint",
    )
    module.load_state_dict(given)
    return Loaded(len(given), ignored, resized)


def _rename(module: Any, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    state = convert_state_dict(module, state)
    if "positional_embedding" in state and not hasattr(module, "positional_embedding"):
        state = convert_to_custom_text_state_dict(state)
    return state


def _refuse_another_grid(
    given: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], path: Path
) -> None:
    if given.keys() != wanted.keys():
        return
    misfits = [key for key, value in wanted.items() if given[key].shape != value.shape]
    if misfits == [_POSITIONS] and given[_POSITIONS].shape[1:] == wanted[_POSITIONS].shape[1:]:
        raise RatevalError(
            f"{path}: its position embedding is of another grid: {_POSITIONS} is "
            f"{tuple(given[_POSITIONS].shape)}, must be {tuple(wanted[_POSITIONS].shape)}; give "
            "the architecture with the checkpoint's image size, or set resize_positions = true to "
            "interpolate it as open_clip's loader does"
        )


def _is_square(positions: torch.Tensor | None) -> bool:
    # open_clip's function takes the old grid to be square, beside one class token.
    return positions is not None and math.isqrt(len(positions) - 1) ** 2 == len(positions) - 1
