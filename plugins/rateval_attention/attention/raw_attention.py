"""The last layer's attention, whatever the class: a baseline."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rateval.api import Context, Model
from rateval_attention.attention.layers import last_layer
from rateval_attention.attention.readout import patch_map, read_rows
from rateval_attention.attention.shared import AttentionExplainer, Reading
from rateval_attention.params import RawAttentionParams


def make_raw_attention(params: RawAttentionParams, context: Context) -> AttentionExplainer:
    """Make the attribution; it runs where the classifier runs."""
    return AttentionExplainer(Reading(last_layer, _maps))


def _maps(
    model: Model, attention: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Average the embedding's row of the last layer's attention over heads.

    It is the class token's row as published, the mean of the patches' rows, or the attention pool's
    own. Source: the baseline "raw attention" of Chefer, Gur, Wolf, ICCV 2021.
    """
    (attended,) = attention
    row = read_rows(attended, model.readout, model.prefix_tokens).mean(dim=1)
    return patch_map(row, model.prefix_tokens, model.grid)
