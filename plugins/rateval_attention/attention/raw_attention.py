"""The last layer's attention, whatever the class: a baseline."""

from __future__ import annotations

import torch

from rateval.api import Classifier, Context
from rateval_attention.attention.readout import patch_map, read_rows
from rateval_attention.explainer import Explainer
from rateval_attention.params import RawAttentionParams
from rateval_attention.passes import record_pass


def make_raw_attention(params: RawAttentionParams, context: Context) -> Explainer:
    """Make the attribution; it runs where the classifier runs."""
    return Explainer(explain_batch)


def explain_batch(
    classifier: Classifier, images: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return relevance (B, rows, cols) and logits (B, K).

    The relevance is the embedding's row of the last layer's attention, averaged over heads: the
    class token's row as published, the mean of the patches' rows, or the attention pool's own.
    Source: the baseline "raw attention" of Chefer, Gur, Wolf, ICCV 2021.
    """
    model = classifier.model
    with torch.no_grad():
        (attention,), logits = record_pass(classifier, images, [model.depth - 1])
        row = read_rows(attention, model.readout, model.prefix_tokens).mean(dim=1)
        return patch_map(row, model.prefix_tokens, model.grid), logits
