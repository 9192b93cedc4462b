"""Record attention probabilities of unmodified ``nn.MultiheadAttention`` modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from rateval.api import RatevalError


def attention_layers(tower: nn.Module, name: str) -> tuple[nn.MultiheadAttention, ...]:
    """Return the self-attention of each block of a vision tower, first block first.

    Raises RatevalError when the tower has no blocks, when their attention is another class, or when
    the image's embedding is not read from the class token.
    """
    blocks = getattr(getattr(tower, "transformer", None), "resblocks", None)
    if not isinstance(blocks, nn.ModuleList) or not len(blocks):
        raise _refusal(name, f"its image tower {type(tower).__name__} has no self-attention blocks")
    layers = tuple(getattr(block, "attn", None) for block in blocks)
    for layer in layers:
        if not isinstance(layer, nn.MultiheadAttention):
            kind = f"{type(layer).__module__}.{type(layer).__qualname__}"
            raise _refusal(name, f"the attention of its image tower is {kind}")
    if getattr(tower, "attn_pool", None) is not None or getattr(tower, "pool_type", "") != "tok":
        raise _refusal(name, "its image tower pools over patches and has no deciding class token")
    return layers  # type: ignore[return-value]  # each was checked above


def _refusal(name: str, reason: str) -> RatevalError:
    return RatevalError(
        f"{name}: its attention cannot be recorded: {reason}; this version needs a vision "
        "transformer of open_clip's own with nn.MultiheadAttention and a class token, such as "
        '"ViT-B-32"'
    )


@contextmanager
def record(layers: Mapping[int, nn.MultiheadAttention]) -> Iterator[dict[int, torch.Tensor]]:
    """Record the probabilities of ``layers`` within the context.

    A forward pass inside fills the dict: layer to (B, heads, N, N) float32, from which its output
    was computed, so that a gradient can be taken with respect to it. Where nothing before the layer
    requires a gradient, the probabilities start the graph. Leaving restores the modules.
    """
    recorded: dict[int, torch.Tensor] = {}
    with ExitStack() as stack:
        for index, layer in layers.items():
            stack.enter_context(_replaced_forward(layer, index, recorded))
        yield recorded


@contextmanager
def _replaced_forward(
    layer: nn.MultiheadAttention, index: int, recorded: dict[int, torch.Tensor]
) -> Iterator[None]:
    def forward(
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        need_weights: bool = False,
        attn_mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, None]:
        output, recorded[index] = attend(layer, query, attn_mask)
        return output, None

    # The weights that the module itself returns are not what its output is computed from, hence
    # an attribute of the instance, which goes before the method of the class.
    outer: Mapping[str, Any] = {k: v for k, v in vars(layer).items() if k == "forward"}
    layer.forward = forward  # type: ignore[assignment]  # only open_clip's blocks call it
    try:
        yield
    finally:
        del layer.forward
        vars(layer).update(outer)


def attend(
    layer: nn.MultiheadAttention, tokens: torch.Tensor, attn_mask: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute self-attention in plain steps: output like ``tokens``, probabilities beside it.

    Takes (B, N, D), or (N, B, D) for a module that isn't ``batch_first``; the probabilities are
    (B, heads, N, N) float32 and always require a gradient.

    >>> layer = nn.MultiheadAttention(4, 2, batch_first=True)
    >>> output, probabilities = attend(layer, torch.zeros(1, 3, 4))
    >>> output.shape, probabilities.shape
    (torch.Size([1, 3, 4]), torch.Size([1, 2, 3, 3]))
    """
    x = tokens if layer.batch_first else tokens.transpose(0, 1)
    batch, length, width = x.shape
    projected = F.linear(x, layer.in_proj_weight, layer.in_proj_bias)
    heads = projected.view(batch, length, 3, layer.num_heads, layer.head_dim)
    query, key, value = heads.permute(2, 0, 3, 1, 4)
    scores = (query * layer.head_dim**-0.5) @ key.transpose(-2, -1)
    if attn_mask is not None:
        scores = scores + attn_mask
    # Half precision would round the gradient's small factors away.
    probabilities = scores.softmax(dim=-1, dtype=torch.promote_types(scores.dtype, torch.float32))
    if not probabilities.requires_grad:
        probabilities.requires_grad_()
    mixed = probabilities.to(value.dtype) @ value
    output = layer.out_proj(mixed.transpose(1, 2).reshape(batch, length, width))
    return output if layer.batch_first else output.transpose(0, 1), probabilities
