"""Models that are lent to methods which leave the weights as they are."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch

from rateval.api.protocols import Model
from rateval.modelkit.texts.embedded import copy_sharing_texts


class Lent:
    """A copy of a model with its weights in common, and what says whether they were changed.

    Modules, flags and hooks are the copy's own. Weights of a kind that torch may not let two have
    in common are copied.
    """

    def __init__(self, model: Model) -> None:
        shared: dict[int, torch.Tensor] = {}
        self._weights: list[tuple[str, torch.Tensor, int]] = []
        module: Any = model.module
        for name, tensor in chain(module.named_parameters(), module.named_buffers()):
            copied = _share(tensor)
            if copied is not None:
                shared[id(tensor)] = copied
                self._weights.append((name, tensor, tensor._version))
        self.copy = copy_sharing_texts(model, shared)

    def find_changed(self) -> str | None:
        """Return the name of a weight that was changed in place by whoever has the copy, or None.

        What is written around torch's count of changes, by ``Tensor.data``, isn't seen.
        """
        changed = (name for name, tensor, before in self._weights if tensor._version != before)
        return next(changed, None)


def leaves_weights(finetuner: object) -> bool:
    """Return whether a method says that it leaves the weights of every model as they are.

    >>> leaves_weights(object())
    False
    """
    return getattr(finetuner, "leaves_weights", False) is True


def _share(tensor: torch.Tensor) -> torch.Tensor | None:
    """Return another tensor in the same memory; None where that may not be."""
    if tensor.is_inference():  # nobody counts their changes
        return None
    if type(tensor) is torch.nn.Parameter:
        return torch.nn.Parameter(tensor.detach(), tensor.requires_grad)
    return tensor.detach() if type(tensor) is torch.Tensor else None
