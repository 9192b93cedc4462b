"""The attention layers of transformers' vision towers, and the plain steps of their forward."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from transformers.models.clip.modeling_clip import CLIPAttention
from transformers.models.siglip.modeling_siglip import SiglipAttention

from rateval.api import RatevalError
from rateval.modelkit import Attend, attend_plainly

Layer = tuple[nn.Module, Attend]


def attention_layers(vision_model: Any) -> tuple[Layer, ...]:
    """Return each block's attention, first block first, and SigLIP's attention pool after them.

    Raises RatevalError when one is of a class that is not known here.
    """
    layers: list[Layer] = []
    for block in vision_model.encoder.layers:
        attention = block.self_attn
        # Versions before 4.48 have a subclass for each attn_implementation.
        if not isinstance(attention, CLIPAttention | SiglipAttention):
            raise _refusal(vision_model, attention)
        layers.append((attention, partial(attend_block, attention)))
    pool = getattr(vision_model, "head", None)
    if pool is not None:
        if type(pool.attention) is not nn.MultiheadAttention:
            raise _refusal(vision_model, pool.attention)
        layers.append((pool.attention, partial(attend_pool, pool.attention)))
    return tuple(layers)


def _refusal(vision_model: object, attention: object) -> RatevalError:
    kind = f"{type(attention).__module__}.{type(attention).__qualname__}"
    return RatevalError(
        f"{type(vision_model).__name__}: its attention cannot be recorded: it is {kind}; only "
        "CLIPAttention, SiglipAttention and SigLIP's nn.MultiheadAttention are known"
    )


def attend_block(
    layer: Any,
    hidden_states: torch.Tensor,
    attention_mask: torch.Tensor | None = None,
    **_options: Any,
) -> tuple[tuple[torch.Tensor, None], torch.Tensor]:
    """Compute what CLIPAttention and SiglipAttention compute, whatever implementation is set.

    Takes (B, N, D) and returns ((B, N, D), None) and probabilities (B, heads, N, N) float32, from
    which the output is computed. Raises PluginError for dropout. Options of older versions, such as
    a causal mask, are for text towers: an image tower leaves them at None.
    """
    batch, length, width = hidden_states.shape
    query, key, value = (
        project(hidden_states).view(batch, length, layer.num_heads, -1).transpose(1, 2)
        for project in (layer.q_proj, layer.k_proj, layer.v_proj)
    )
    mixed, probabilities = attend_plainly(
        query,
        key,
        value,
        attention_mask,
        dropout_p=layer.dropout if layer.training else 0.0,
        scale=layer.scale,
    )
    output = layer.out_proj(mixed.transpose(1, 2).reshape(batch, length, width))
    return (output, None), probabilities


def attend_pool(
    layer: nn.MultiheadAttention, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
) -> tuple[tuple[torch.Tensor, None], torch.Tensor]:
    """Compute what SigLIP's ``nn.MultiheadAttention`` computes from its query, (B, 1, D).

    Returns ((B, 1, D), None) and probabilities (B, heads, 1, N) float32, from which the output is
    computed. The weights that the module itself returns are not that.

    >>> layer = nn.MultiheadAttention(4, 2, batch_first=True)
    >>> tokens = torch.zeros(1, 3, 4)
    >>> (output, _), probabilities = attend_pool(layer, tokens[:, :1], tokens, tokens)
    >>> output.shape, probabilities.shape
    (torch.Size([1, 1, 4]), torch.Size([1, 2, 1, 3]))
    """
    weights, biases = layer.in_proj_weight.chunk(3), layer.in_proj_bias.chunk(3)
    heads = [
        F.linear(x, weight, bias).view(*x.shape[:2], layer.num_heads, -1).transpose(1, 2)
        for x, weight, bias in zip((query, key, value), weights, biases, strict=True)
    ]
    dropout = layer.dropout if layer.training else 0.0
    mixed, probabilities = attend_plainly(heads[0], heads[1], heads[2], dropout_p=dropout)
    return (layer.out_proj(mixed.transpose(1, 2).flatten(2)), None), probabilities
