"""Attention rollout, whatever the class: attention carried through all layers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from rateval.api import Context, Model, Readout
from rateval_attention.attention.layers import chain_indices
from rateval_attention.attention.readout import patch_map, read_rows, start_row
from rateval_attention.attention.shared import AttentionExplainer, Reading
from rateval_attention.params import AttentionRolloutParams


def make_attention_rollout(params: AttentionRolloutParams, context: Context) -> AttentionExplainer:
    """Make the attribution; it runs where the classifier runs."""
    return AttentionExplainer(Reading(partial(chain_indices, params.layers), _maps))


def _maps(
    model: Model, attention: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor]
) -> torch.Tensor:
    row = rollout_row(attention, model.readout, model.prefix_tokens)
    return patch_map(row, model.prefix_tokens, model.grid)


def rollout_row(
    attention: Sequence[torch.Tensor], readout: Readout, prefix_tokens: int
) -> torch.Tensor:
    """Return the embedding's row of the product of (A + I) / 2 over layers, (B, N).

    Takes (B, heads, N, N) for each layer, the last one first; A is the mean over heads. The row is
    the class token's as published. For a mean it is the mean of the patches' rows; an attention
    pool's query is none of the tokens, so that its row of A stands alone. Source: Abnar and
    Zuidema, "Quantifying Attention Flow in Transformers", ACL 2020, section 3.

    >>> layers = [torch.tensor([[[[0.0, 1.0], [0.5, 0.5]]]])] * 2
    >>> rollout_row(layers, "class token", 1)
    tensor([[0.3750, 0.6250]])
    """
    row = read_rows(attention[0], readout, prefix_tokens).mean(dim=1)
    if readout != "attention pool":
        row = (row + start_row(attention[0], readout, prefix_tokens)) / 2
    for layer in attention[1:]:
        row = (row + (row[:, None] @ layer.mean(dim=1))[:, 0]) / 2
    return row
