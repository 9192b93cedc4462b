"""The image tower's names within its model, and a model completed around it."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from rateval.api import Model


def tower_names(model: Model) -> dict[str, str]:
    """Return the image tower's own names to those of the model's module.

    Empty where the tower holds a tensor that the module doesn't.
    """
    whole = model.module.state_dict(keep_vars=True)
    own = {id(tensor): name for name, tensor in whole.items()}
    tower = model.image_tower.state_dict(keep_vars=True)
    if not all(id(tensor) in own for tensor in tower.values()):
        return {}
    return {name: own[id(tensor)] for name, tensor in tower.items()}


def complete(model: Model, part: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return all weights of a model, those in ``part`` in the place of its own, on the CPU."""
    whole = {name: tensor.detach().cpu() for name, tensor in model.module.state_dict().items()}
    return whole | dict(part)


def tell_base(model: Model, used: int) -> str:
    """Return the sentence that says where the rest of a model comes from."""
    base = model.card.checkpoint or "random weights"
    return (
        f"image tower alone, {used} tensors; the text tower and all else are those of the base "
        f"model ({base})"
    )
