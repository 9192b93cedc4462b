"""Replace the forward of modules for a while, without touching their classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

Attend = Callable[..., tuple[Any, torch.Tensor]]
"""A module's forward in plain steps: (what forward returns, probabilities (B, heads, N, N))."""


@contextmanager
def record_probabilities(
    layers: Mapping[int, tuple[torch.nn.Module, Attend]],
) -> Iterator[dict[int, torch.Tensor]]:
    """Record attention probabilities of unmodified modules within the context.

    ``layers`` maps an index to a module and to an ``Attend`` that takes what the module's forward
    takes. A forward pass inside fills the dict that is yielded. Leaving the context, also by an
    exception, restores every module.
    """
    recorded: dict[int, torch.Tensor] = {}
    # An attribute of the instance goes before the method of the class, and one that was there
    # before (a context inside another) comes back.
    before = {index: vars(module).get("forward") for index, (module, _) in layers.items()}
    try:
        for index, (module, attend) in layers.items():
            module.forward = _recording(index, attend, recorded)
        yield recorded
    finally:
        for index, (module, _) in layers.items():
            vars(module).pop("forward", None)
            if before[index] is not None:
                module.forward = before[index]  # type: ignore[assignment]  # it was there


def _recording(index: int, attend: Attend, recorded: dict[int, torch.Tensor]) -> Callable[..., Any]:
    def forward(*arguments: Any, **named: Any) -> Any:
        output, recorded[index] = attend(*arguments, **named)
        return output

    return forward


def softmax_in_graph(scores: torch.Tensor) -> torch.Tensor:
    """Turn scores (B, heads, N, N) into probabilities float32 that require a gradient.

    Where nothing before them requires one, they start the graph: with all weights frozen, only what
    follows the first recorded layer costs a backward pass. Half precision would round the small
    factors of their gradient away.

    >>> softmax_in_graph(torch.zeros(1, 1, 2, 2)).requires_grad
    True
    """
    dtype = torch.promote_types(scores.dtype, torch.float32)
    probabilities = scores.softmax(dim=-1, dtype=dtype)
    if not probabilities.requires_grad:
        probabilities.requires_grad_()
    return probabilities
