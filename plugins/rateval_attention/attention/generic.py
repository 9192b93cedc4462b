"""Generic Attention Attribution of a classifier's batch."""

from __future__ import annotations

from functools import partial

import torch

from rateval.api import Classifier, Context
from rateval_attention.attention.layers import chain_indices
from rateval_attention.attention.readout import patch_map
from rateval_attention.attention.relevance import relevance_row
from rateval_attention.explainer import Explainer
from rateval_attention.params import GenericAttentionParams
from rateval_attention.passes import differentiate, record_pass


def make_generic_attention(params: GenericAttentionParams, context: Context) -> Explainer:
    """Make the attribution; it runs where the classifier runs."""
    return Explainer(partial(explain_batch, params=params))


def explain_batch(
    classifier: Classifier,
    images: torch.Tensor,
    labels: torch.Tensor,
    params: GenericAttentionParams,
    *,
    create_graph: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return relevance (B, rows, cols) and logits (B, K) with gradients enabled by the caller.

    One forward pass and one gradient call for the whole batch. ``create_graph`` makes the relevance
    differentiable, for a loss on it. Raises RatevalError when the model has no such layer or the
    classifier no such target, PluginError when the logits don't depend on the recorded attention.
    """
    model = classifier.model
    attention, logits = record_pass(classifier, images, chain_indices(params.layers, model))
    gradients = differentiate(
        classifier, logits, labels, attention, params, create_graph=create_graph
    )
    with torch.set_grad_enabled(create_graph):
        row = relevance_row(attention, gradients, model.readout, model.prefix_tokens)
        return patch_map(row, model.prefix_tokens, model.grid), logits
