"""Fine-tuned tensors by name: taken from modules, checked, and put back."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from rateval.api import RatevalError
from rateval.modelkit import list_some


def name_state(module: torch.nn.Module, prefix: str) -> dict[str, torch.Tensor]:
    """Return a module's live tensors with ``prefix`` before their names."""
    return {prefix + name: tensor for name, tensor in module.state_dict().items()}


def copy_state(live: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copy tensors to the CPU, contiguous and sharing no memory."""
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in live.items()
    }


def cut(state: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Return the tensors under ``prefix``, without it.

    >>> cut({"head.bias": torch.zeros(1), "other": torch.zeros(1)}, "head.")
    {'bias': tensor([0.])}
    """
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in state.items()
        if name.startswith(prefix)
    }


def load_part(module: torch.nn.Module, state: Mapping[str, torch.Tensor], prefix: str) -> None:
    """Put the tensors under ``prefix`` into ``module``."""
    module.load_state_dict(cut(state, prefix))


def require_fit(needed: Mapping[str, tuple[int, ...]], state: Mapping[str, torch.Tensor]) -> None:
    """Raise RatevalError when names or shapes of ``state`` are not the ``needed`` ones."""
    wrong = [f"{name} is missing" for name in needed.keys() - state.keys()]
    wrong += [f"{name} is not known" for name in state.keys() - needed.keys()]
    wrong += [
        f"{name} is {tuple(state[name].shape)}, needed is {needed[name]}"
        for name in needed.keys() & state.keys()
        if tuple(state[name].shape) != needed[name]
    ]
    if wrong:
        raise RatevalError(
            f"the fine-tuned state does not fit: {list_some(sorted(wrong))}. It must come from the "
            "same model, classes and method; fine-tune again, or restore it with the ones it was "
            "made with"
        )
