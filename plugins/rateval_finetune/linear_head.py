"""Classify by a linear head on the model's features, whose image tower was trained along."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch

from rateval.api import Model, RatevalError

HEAD = "head."
TOWER = "image_tower."
_SHOWN = 10


def new_head(
    width: int, classes: int, generator: torch.Generator, device: str, dtype: torch.dtype
) -> torch.nn.Linear:
    """Make a head of ``width`` inputs with torch's default distribution, drawn by ``generator``.

    The draw happens on the CPU in float32, so that every device starts from the same weights.

    >>> head = new_head(4, 2, torch.Generator().manual_seed(0), "cpu", torch.float32)
    >>> head.weight.shape, bool(head.weight.abs().max() <= 0.5)
    (torch.Size([2, 4]), True)
    """
    head = _empty_head(width, classes)
    bound = 1 / math.sqrt(width)
    with torch.no_grad():
        head.weight.uniform_(-bound, bound, generator=generator)
        head.bias.uniform_(-bound, bound, generator=generator)
    return head.to(device=device, dtype=dtype)


class HeadClassifier:
    """Score an image for each class by a linear head on its features."""

    def __init__(self, model: Model, head: torch.nn.Linear) -> None:
        self.model = model
        self.head = head

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Score (B, 3, H, W) float32 as (B, K) float32, differentiable."""
        scores: torch.Tensor = self.head(self.model.features(images))
        return scores.float()

    def state(self) -> dict[str, torch.Tensor]:
        """Copy head and image tower to the CPU, as ``head.*`` and ``image_tower.*``."""
        live = _named(self.head, HEAD) | _named(self.model.image_tower, TOWER)
        return {
            name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
            for name, tensor in live.items()
        }


def restore_head(
    model: Model,
    classes: Sequence[str],
    state: Mapping[str, torch.Tensor],
    device: str,
    dtype: torch.dtype,
) -> HeadClassifier:
    """Load what ``HeadClassifier.state`` gave into ``model`` and a head of its own.

    Raises RatevalError, before anything is changed, when names or shapes differ from what model
    and classes need.
    """
    weight = state.get(HEAD + "weight")
    width = weight.shape[-1] if weight is not None and weight.ndim else 0
    needed = {HEAD + "weight": (len(classes), width), HEAD + "bias": (len(classes),)}
    tower = _named(model.image_tower, TOWER)
    _require_fit(needed | {name: tuple(tensor.shape) for name, tensor in tower.items()}, state)
    head = _empty_head(width, len(classes))
    head.load_state_dict(_cut(state, HEAD))
    model.image_tower.load_state_dict(_cut(state, TOWER))
    return HeadClassifier(model, head.to(device=device, dtype=dtype))


def _empty_head(width: int, classes: int) -> torch.nn.Linear:
    # Without first weights: those would be drawn from torch's global generator.
    return torch.nn.Linear(width, classes, device="meta").to_empty(device="cpu")


def _named(module: torch.nn.Module, prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in module.state_dict().items()}


def _cut(state: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in state.items()
        if name.startswith(prefix)
    }


def _require_fit(needed: Mapping[str, tuple[int, ...]], state: Mapping[str, torch.Tensor]) -> None:
    wrong = [f"{name} is missing" for name in needed.keys() - state.keys()]
    wrong += [f"{name} is not known" for name in state.keys() - needed.keys()]
    wrong += [
        f"{name} is {tuple(state[name].shape)}, needed is {needed[name]}"
        for name in needed.keys() & state.keys()
        if tuple(state[name].shape) != needed[name]
    ]
    if wrong:
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise RatevalError(
            f"the fine-tuned state does not fit: {'; '.join(sorted(wrong)[:_SHOWN])}{more}. "
            "It must come from the same model, classes and method; fine-tune again, or restore it "
            "with the ones it was made with"
        )
