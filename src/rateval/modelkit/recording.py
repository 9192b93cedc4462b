"""Modules whose forward is replaced for a while, their classes untouched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from rateval.errors import PluginError

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
    with ExitStack() as stack:
        for index, (module, attend) in layers.items():
            stack.enter_context(replaced_forward(module, _recording(index, attend, recorded)))
        yield recorded


def _recording(index: int, attend: Attend, recorded: dict[int, torch.Tensor]) -> Callable[..., Any]:
    def forward(*arguments: Any, **named: Any) -> Any:
        output, recorded[index] = attend(*arguments, **named)
        return output

    return forward


@contextmanager
def replaced_forward(module: torch.nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """Let ``module`` compute ``forward`` within the context; its class stays as it is.

    >>> module = torch.nn.Identity()
    >>> with replaced_forward(module, lambda x: x + 1):
    ...     module(1)
    2
    >>> module(1)
    1
    """
    # An attribute of the instance goes before the method of the class, and one that was there
    # before (a context inside another) comes back.
    before = vars(module).get("forward")
    module.forward = forward
    try:
        yield
    finally:
        del module.forward
        if before is not None:
            module.forward = before


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


def attend_fused(module: torch.nn.Module) -> Attend:
    """Return the ``Attend`` of a module whose forward calls ``scaled_dot_product_attention``.

    The module's forward runs as it is; only that one call is computed in plain steps, so that
    normalised queries, rotary positions, gates and masks are the module's own. timm's attentions
    are such modules, and transformers' under ``attn_implementation="sdpa"``. The ``Attend`` raises
    PluginError when the forward doesn't make that call exactly once.

    >>> class Bare(torch.nn.Module):
    ...     def forward(self, x):
    ...         return F.scaled_dot_product_attention(x, x, x)
    >>> output, probabilities = attend_fused(Bare())(torch.zeros(1, 2, 3, 4))
    >>> output.shape, probabilities.shape
    (torch.Size([1, 2, 3, 4]), torch.Size([1, 2, 3, 3]))
    """
    # Not a closure: a deep copy of the model must attend by the copy's weights.
    return partial(_attend_fused, module)


def _attend_fused(
    module: torch.nn.Module, *arguments: Any, **named: Any
) -> tuple[Any, torch.Tensor]:
    calls = _PlainSteps()
    with calls:
        output = type(module).forward(module, *arguments, **named)
    if len(calls.probabilities) != 1:
        kind = f"{type(module).__module__}.{type(module).__qualname__}"
        raise PluginError(
            f"the attention of {kind} cannot be recorded: its forward called "
            f"scaled_dot_product_attention {len(calls.probabilities)} times, not once; where "
            "fused attention is switched off (TIMM_FUSED_ATTN=0), switch it on"
        )
    return output, calls.probabilities[0]


class _PlainSteps(TorchFunctionMode):
    """A context in which ``scaled_dot_product_attention`` is computed in plain steps."""

    def __init__(self) -> None:
        super().__init__()
        self.probabilities: list[torch.Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is not F.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        output, probabilities = attend_plainly(*args, **(kwargs or {}))
        self.probabilities.append(probabilities)
        return output


def attend_plainly(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    **other: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute ``scaled_dot_product_attention`` in plain steps: output, probabilities.

    Takes (B, heads, M, d), (B, heads, N, d) twice and what that function takes besides; returns
    (B, heads, M, d) and (B, heads, M, N) float32 as ``softmax_in_graph`` does. Raises PluginError
    for dropout, a causal mask and grouped queries, which no image tower is evaluated with.

    >>> x = torch.zeros(1, 1, 2, 4)
    >>> attend_plainly(x, x, x)[1]
    tensor([[[[0.5000, 0.5000],
              [0.5000, 0.5000]]]], requires_grad=True)
    """
    refused = {"dropout_p": dropout_p, "is_causal": is_causal} | other
    if any(refused.values()):
        given = ", ".join(f"{name}={value}" for name, value in refused.items() if value)
        raise PluginError(f"attention with {given} cannot be recorded; put the model in eval mode")
    scores = (query * (query.shape[-1] ** -0.5 if scale is None else scale)) @ key.mT
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, float("-inf"))
    elif attn_mask is not None:
        scores = scores + attn_mask
    probabilities = softmax_in_graph(scores)
    return probabilities.to(value.dtype) @ value, probabilities
