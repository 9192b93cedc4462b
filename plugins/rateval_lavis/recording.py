"""The attention of LAVIS' vision transformer in plain steps."""

from __future__ import annotations

from typing import Any

import torch

from rateval.modelkit import softmax_in_graph


def attend(
    layer: Any, tokens: torch.Tensor, register_hook: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute what ``lavis.models.vit.Attention`` does, and its probabilities beside it.

    Takes the module and what its forward takes, (B, N, D) tokens; ``register_hook``, by which LAVIS
    keeps a map on the module, has no use here. Returns (B, N, D) like ``tokens`` and
    (B, heads, N, N) float32 in the graph.

    Source: github.com/salesforce/LAVIS, lavis/models/vit.py.

    >>> from rateval_lavis.upstream import Attention
    >>> output, probabilities = attend(Attention(8, num_heads=2), torch.zeros(1, 3, 8))
    >>> output.shape, probabilities.shape
    (torch.Size([1, 3, 8]), torch.Size([1, 2, 3, 3]))
    """
    batch, length, width = tokens.shape
    projected = layer.qkv(tokens).view(batch, length, 3, layer.num_heads, -1)
    query, key, value = projected.permute(2, 0, 3, 1, 4)
    probabilities = softmax_in_graph(query @ key.transpose(-2, -1) * layer.scale)
    mixed = layer.attn_drop(probabilities).to(value.dtype) @ value
    output = layer.proj_drop(layer.proj(mixed.transpose(1, 2).reshape(batch, length, width)))
    return output, probabilities
