"""The attention of transformers' modules, recorded as they run, whatever their classes.

A module's own forward runs; the one call of ``scaled_dot_product_attention`` in it is computed in
plain steps (transformers makes that call under ``attn_implementation="sdpa"``).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from rateval.api import PluginError
from rateval.api.tasks.texts import Attended, Flow
from rateval.modelkit import attend_plainly, replaced_forward

IMAGE, TEXT = "image", "text"


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """A self-attention, and the stream in which it runs."""

    layer: nn.Module
    stream: str


@contextmanager
def recording(watched: list[Watched], flow: Flow, count: int) -> Iterator[None]:
    """Append each attention that runs within the context to ``flow``, in their order.

    ``count`` is B. Leaving the context, also by an exception, restores every module.
    """
    with ExitStack() as stack:
        for one in watched:
            forward = partial(_attend_and_tell, one, flow, count)
            stack.enter_context(replaced_forward(one.layer, forward))
        yield


def _attend_and_tell(
    watched: Watched, flow: Flow, count: int, *arguments: Any, **named: Any
) -> Any:
    layer = watched.layer
    bound = inspect.signature(type(layer).forward).bind(layer, *arguments, **named)
    bounds = bound.arguments.get("cu_seqlens")
    if bounds is not None:
        # Qwen's towers run all images as one row and call once for each part of it.
        bound.arguments["cu_seqlens"] = bounds[[0, -1]]
    calls = _PlainSteps(count, bounds)
    with calls:
        output = type(layer).forward(*bound.args, **bound.kwargs)
    if len(calls.probabilities) != 1:
        kind = f"{type(layer).__module__}.{type(layer).__qualname__}"
        raise PluginError(
            f"the attention of {kind} cannot be recorded: its forward called "
            f"scaled_dot_product_attention {len(calls.probabilities)} times, not once; the model "
            'must run under attn_implementation="sdpa"'
        )
    flow.steps.append(Attended(watched.stream, watched.stream, calls.probabilities[0]))
    return output


class _PlainSteps(TorchFunctionMode):
    """A context in which ``scaled_dot_product_attention`` is computed in plain steps."""

    def __init__(self, count: int, bounds: torch.Tensor | None) -> None:
        super().__init__()
        self.probabilities: list[torch.Tensor] = []
        self._count = count
        self._bounds = bounds

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is not F.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        bound = inspect.signature(_arguments).bind(*args, **(kwargs or {}))
        output, probabilities = self._attend(**bound.arguments)
        self.probabilities.append(probabilities)
        return output

    def _attend(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        rows, heads, length, _ = query.shape
        if enable_gqa or key.shape[1] != heads:
            groups = heads // key.shape[1]
            key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
        allowed = self._allowed(rows, length, attn_mask, is_causal, query.device)
        mixed, probabilities = attend_plainly(
            by_image(query, self._count),
            by_image(key, self._count),
            by_image(value, self._count),
            additive(allowed, query.dtype),
            dropout_p=dropout_p,
            scale=scale,
        )
        return by_image(mixed, rows), probabilities

    def _allowed(
        self,
        rows: int,
        length: int,
        mask: torch.Tensor | None,
        is_causal: bool,
        device: torch.device,
    ) -> torch.Tensor | None:
        """Return what may be attended, or what is added to the scores, (..., N, N)."""
        whole = rows * length // self._count
        if self._bounds is not None:
            places = torch.arange(whole, device=device)
            return same_part(torch.bucketize(places, self._bounds.to(device), right=True))
        if rows != self._count:  # the tiles of an image, whose mask lets each see all of itself
            return same_part(torch.arange(whole, device=device) // length)
        if is_causal:
            return torch.ones(length, length, dtype=torch.bool, device=device).tril()
        return mask


def _arguments(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: Any = 0.0,
    is_causal: Any = False,
    scale: Any = None,
    enable_gqa: Any = False,
) -> None:
    """Have the signature of ``scaled_dot_product_attention``, which has none to look at."""


def by_image(heads: torch.Tensor, count: int) -> torch.Tensor:
    """Turn R rows of tokens (R, heads, n, d) into ``count`` rows of equally many, in their order.

    >>> by_image(torch.arange(8.0).view(4, 1, 2, 1), 2).flatten(1).tolist()
    [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]
    """
    _, number, _, width = heads.shape
    return heads.transpose(1, 2).reshape(count, -1, number, width).transpose(1, 2)


def same_part(parts: torch.Tensor) -> torch.Tensor:
    """Return which of N tokens are of the same part as which, (N, N) bool.

    >>> same_part(torch.tensor([0, 0, 1])).int().tolist()
    [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    """
    return parts[:, None] == parts[None, :]


def additive(allowed: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor | None:
    """Turn a mask into what is added to scores: 0, and the least number where it is False.

    Padding looks at nothing, and minus infinity would make its row undefined.

    >>> additive(torch.tensor([True, False]), torch.float16)
    tensor([     0., -65504.], dtype=torch.float16)
    """
    if allowed is None or allowed.dtype != torch.bool:
        return allowed
    zeros = torch.zeros(allowed.shape, dtype=dtype, device=allowed.device)
    return zeros.masked_fill(~allowed, torch.finfo(dtype).min)
