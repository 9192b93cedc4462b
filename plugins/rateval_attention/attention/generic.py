"""Generic Attention Attribution of a batch of a classifier, or of a text model's answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from rateval.api import Classifier, Context, Explanation, Model
from rateval.api.tasks.texts import Answered, Answerer
from rateval_attention.answers.generic import explain_by_rules
from rateval_attention.attention.layers import chain_indices
from rateval_attention.attention.readout import patch_map
from rateval_attention.attention.relevance import relevance_row
from rateval_attention.attention.shared import AttentionExplainer, Reading
from rateval_attention.params import GenericAttentionParams
from rateval_attention.passes import differentiate, record_pass


class GenericAttention(AttentionExplainer):
    """Generic Attention Attribution of class scores, and of answers that are texts."""

    def __init__(self, params: GenericAttentionParams) -> None:
        super().__init__(Reading(partial(chain_indices, params.layers), _maps, params))
        self._params = params

    def explain_answers(self, answerer: Answerer, answered: Answered) -> Explanation:
        """Explain B answers by the rules for several streams of tokens.

        Raises RatevalError when the params don't fit answers or the model, PluginError when the
        model's flow is not as promised.
        """
        return explain_by_rules(answerer, answered, self._params)


def make_generic_attention(params: GenericAttentionParams, context: Context) -> GenericAttention:
    """Make the attribution; it runs where the model runs."""
    return GenericAttention(params)


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
