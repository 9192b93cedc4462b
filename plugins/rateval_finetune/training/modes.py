"""The weights of a model that train, and those that don't."""

from __future__ import annotations

import torch

from rateval.api.protocols import Explained


def freeze(model: Explained) -> None:
    """Leave ``model`` ready to be explained: eval mode, no weight trains, no gradient is kept."""
    model.module.eval()
    model.module.requires_grad_(False)
    model.module.zero_grad(set_to_none=True)


def train_only(model: Explained, part: torch.nn.Module) -> None:
    """Freeze ``model`` but for ``part``, which goes to training mode."""
    freeze(model)
    part.train()
    part.requires_grad_(True)
