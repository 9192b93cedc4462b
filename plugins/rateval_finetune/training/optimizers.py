"""Optimisers, and their state as named tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from rateval_finetune.params import TrainingParams

_BETAS, _EPS = (0.9, 0.999), 1e-8


@dataclass(frozen=True, slots=True)
class Group:
    """Weights that share a rate."""

    name: str
    """Of the param that sets the rate, such as ``head_lr``."""
    weights: tuple[torch.nn.Parameter, ...]
    lr: float


def make_optimizer(params: TrainingParams, groups: Iterable[Group]) -> torch.optim.Optimizer:
    """Make Adam or AdamW with betas 0.9 and 0.999 and eps 1e-8."""
    kind = torch.optim.Adam if params.optimizer == "adam" else torch.optim.AdamW
    return kind(
        [{"name": group.name, "params": list(group.weights), "lr": group.lr} for group in groups],
        betas=_BETAS,
        eps=_EPS,
        weight_decay=params.weight_decay,
    )


def pack_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Return the moments and step counts, named by the position of their weight."""
    return {
        f"{position}.{key}": value
        for position, values in optimizer.state_dict()["state"].items()
        for key, value in values.items()
    }


def unpack_optimizer(optimizer: torch.optim.Optimizer, packed: Mapping[str, torch.Tensor]) -> None:
    """Take up what ``pack_optimizer`` returned."""
    state: dict[int, dict[str, Any]] = {}
    for name, value in packed.items():
        position, _, key = name.partition(".")
        state.setdefault(int(position), {})[key] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
