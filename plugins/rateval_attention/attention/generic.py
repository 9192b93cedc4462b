"""Generic Attention Attribution of a classifier's batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from rateval.api import Classifier, Context, Model
from rateval_attention.attention.layers import chain_indices
from rateval_attention.attention.readout import patch_map
from rateval_attention.attention.relevance import relevance_row
from rateval_attention.attention.shared import AttentionExplainer, Reading
from rateval_attention.params import GenericAttentionParams
from rateval_attention.passes import differentiate, record_pass


def make_generic_attention(params: GenericAttentionParams, context: Context) -> AttentionExplainer:
    """Make the attribution; it runs where the classifier runs."""
    return AttentionExplainer(Reading(partial(chain_indices, params.layers), _maps, params))


def explain_batch(
    classifier: Classifier,
    images: torch.Tensor,
    labels: torch.Tensor,
    params: GenericAttentionParams,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return relevance (B, rows, cols) and logits (B, K), both differentiable, for a loss on them.

    Gradients are enabled by the caller. One forward pass and one gradient call for the whole batch.
    Raises RatevalError when the model has no such layer or the classifier no such target,
    PluginError when the logits don't depend on the recorded attention.
    """
    layers = chain_indices(params.layers, classifier.model)
    attention, logits = record_pass(classifier, images, layers)
    gradients = differentiate(classifier, logits, labels, attention, params, create_graph=True)
    return _maps(classifier.model, attention, gradients), logits


def _maps(
    model: Model, attention: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor]
) -> torch.Tensor:
    row = relevance_row(attention, gradients, model.readout, model.prefix_tokens)
    return patch_map(row, model.prefix_tokens, model.grid)
