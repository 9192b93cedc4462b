"""The gradient of the score by each layer's attention, as in LeGrad."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from rateval.api import Classifier, Context
from rateval_attention.attention.layers import layer_indices
from rateval_attention.attention.readout import patch_map
from rateval_attention.explainer import Explainer
from rateval_attention.params import LegradParams
from rateval_attention.passes import differentiate, record_pass


def make_legrad(params: LegradParams, context: Context) -> Explainer:
    """Make the attribution; it runs where the classifier runs."""
    return Explainer(partial(explain_batch, params=params))


def explain_batch(
    classifier: Classifier, images: torch.Tensor, labels: torch.Tensor, params: LegradParams
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return relevance (B, rows, cols) and logits (B, K) with gradients enabled by the caller.

    Raises RatevalError when the model has no such layer or the classifier no such target,
    PluginError when the logits don't depend on the recorded attention.
    """
    model = classifier.model
    layers = layer_indices(params.layers, model.depth)
    attention, logits = record_pass(classifier, images, layers)
    gradients = differentiate(classifier, logits, labels, attention, params)
    return patch_map(mean_slope(gradients), model.prefix_tokens, model.grid), logits


def mean_slope(gradients: Sequence[torch.Tensor]) -> torch.Tensor:
    """Average the positive part of gradients over heads, query tokens and layers: (B, N).

    Takes (B, heads, M, N) for each layer, M being 1 for an attention pool. Source: Bousselham et
    al., "LeGrad", arXiv 2404.03214, section 3. There each layer has a score of its own, read from
    the mean of that layer's tokens as if it were the last one; here the classifier's own score,
    which is what is to be explained, is differentiated by every layer.

    >>> one, other = torch.ones(1, 1, 2, 2), torch.tensor([[[[-4.0, 4.0]]]])
    >>> mean_slope([one, other])
    tensor([[0.5000, 2.5000]])
    """
    rows = [gradient.clamp(min=0).mean(dim=(1, 2)) for gradient in gradients]
    return torch.stack(rows).mean(dim=0)
