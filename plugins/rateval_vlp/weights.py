"""Official checkpoints, loaded without a gap."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

from rateval.api import RatevalError
from rateval.modelkit import require_same_weights
from rateval_vlp.architecture import Architecture
from rateval_vlp.keys import is_hugging_face, select_albef, select_blip
from rateval_vlp.towers import DualEncoder

_POSITIONS = "visual_encoder.pos_embed"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a checkpoint's keys."""

    used: int
    ignored: tuple[str, ...]
    assumed: tuple[str, ...] = ()
    """What was done to fit them, in sentences."""


def load_weights(
    module: DualEncoder, architecture: Architecture, state: Mapping[str, torch.Tensor], path: Path
) -> Loaded:
    """Copy the checkpoint ``state`` into ``module``, every weight of it.

    ``path`` is where it comes from. Raises RatevalError, before anything is changed, when keys are
    missing, unexpected or of another shape, listing up to ten.
    """
    select = select_albef if architecture.family == "albef" else select_blip
    used, ignored = select(state)
    count = len(used)
    if is_hugging_face(state) and not architecture.hugging_face:
        raise RatevalError(
            f"{path}: weights of transformers' BLIP, whose sizes stand in the config.json beside "
            "them; give the path of the folder"
        )
    if architecture.hugging_face and architecture.temperature is not None:
        used.setdefault("temp", torch.tensor(architecture.temperature))
    resized: tuple[str, ...] = ()
    if _POSITIONS in used:
        before = used[_POSITIONS].shape
        used[_POSITIONS] = _fit_positions(used[_POSITIONS], module, path)
        if used[_POSITIONS].shape != before:
            rows = used[_POSITIONS].shape[1]
            resized = (f"positions interpolated from {before[1]} rows to {rows}",)
    require_same_weights(
        used,
        module.state_dict(),
        path,
        owner=architecture.name,
        remedy=(
            "give the size that the checkpoint was trained with, or a checkpoint of this model"
        ),
    )
    module.load_state_dict(used)
    return Loaded(count, ignored, resized)


def _fit_positions(positions: torch.Tensor, module: DualEncoder, path: Path) -> torch.Tensor:
    grid = module.visual_encoder.patch_embed.grid_size
    if positions.ndim != 3 or len(positions) != 1:
        return positions  # no position embedding at all; its shape is reported with the others
    side = math.isqrt(max(positions.shape[1] - 1, 0))
    if side < 1 or side * side != positions.shape[1] - 1:
        raise RatevalError(
            f"{path}: {_POSITIONS} has {positions.shape[1]} rows: the class token and "
            f"{positions.shape[1] - 1} patches, which make no square grid; only square images are "
            "supported: give a checkpoint that was trained on them"
        )
    return resize_positions(positions.float(), grid)


def resize_positions(positions: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """Interpolate the patches' rows of (1, 1 + n * n, D) float32 to ``grid``, from a square one.

    The first row is the class token's and stays.
    Source: github.com/salesforce/ALBEF, models/vit.py; bicubic without antialiasing.

    >>> resize_positions(torch.zeros(1, 26, 8), (4, 4)).shape
    torch.Size([1, 17, 8])
    """
    first, patches = positions[:, :1], positions[:, 1:]
    side = math.isqrt(patches.shape[1])
    if (side, side) == grid:
        return positions
    plane = patches.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    plane = F.interpolate(plane, size=grid, mode="bicubic", align_corners=False)
    return torch.cat([first, plane.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)
