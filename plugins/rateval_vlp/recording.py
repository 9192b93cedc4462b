"""Attention probabilities of timm's unmodified Attention modules, recorded."""

from __future__ import annotations

from typing import Any

import torch
from timm.models.vision_transformer import (  # type: ignore[attr-defined]
    Attention,  # which timm.layers has in later versions only
    VisionTransformer,
)
from torch import nn

from rateval.api import RatevalError
from rateval.modelkit import attend_plainly


def attention_layers(tower: VisionTransformer) -> tuple[Attention, ...]:
    """Return the self-attention of each block, first block first.

    Raises RatevalError when one is another class than ``attend`` knows.
    """
    layers: list[Attention] = []
    for block in tower.blocks:
        layer: Any = block.attn
        known = type(layer) is Attention
        # Later versions of timm can gate and normalise the output, which these towers never do.
        extras = [name for name in ("norm", "gate") if _is_active(getattr(layer, name, None))]
        if not known or extras:
            kind = f"{type(layer).__module__}.{type(layer).__qualname__}"
            with_extras = f" with {' and '.join(extras)}" if extras else ""
            raise RatevalError(
                f"{type(tower).__name__}: its attention cannot be recorded: it is {kind}"
                f"{with_extras}; only {Attention.__module__}.{Attention.__qualname__} is known"
            )
        layers.append(layer)
    return tuple(layers)


def _is_active(part: object) -> bool:
    return part is not None and not isinstance(part, nn.Identity)


def attend(
    layer: Attention,
    tokens: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    is_causal: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute what ``layer`` computes, fused or not: (B, N, D), and its probabilities.

    The probabilities are (B, heads, N, N) float32, from which the output is computed. Raises
    PluginError for dropout and a causal mask, as ``rateval.modelkit.attend_plainly`` does.

    >>> output, probabilities = attend(Attention(4, num_heads=2), torch.zeros(1, 3, 4))
    >>> output.shape, probabilities.shape
    (torch.Size([1, 3, 4]), torch.Size([1, 2, 3, 3]))
    """
    batch, length, width = tokens.shape
    heads = layer.qkv(tokens).reshape(batch, length, 3, layer.num_heads, -1)
    query, key, value = heads.permute(2, 0, 3, 1, 4)
    mixed, probabilities = attend_plainly(
        layer.q_norm(query),
        layer.k_norm(key),
        value,
        attn_mask,
        dropout_p=layer.attn_drop.p if layer.training else 0.0,
        is_causal=is_causal,
        scale=layer.scale,
    )
    output = layer.proj(mixed.transpose(1, 2).reshape(batch, length, width))
    return layer.proj_drop(output), probabilities
