"""The gradient of the score by the image's pixels."""

from __future__ import annotations

from functools import partial

import torch

from rateval.api import Classifier, Context
from rateval_attention.explainer import Explainer
from rateval_attention.params import InputGradientParams
from rateval_attention.passes import differentiate
from rateval_attention.pixels.pooling import pool_to_grid


def make_input_gradient(params: InputGradientParams, context: Context) -> Explainer:
    """Make the attribution; it runs where the classifier runs."""
    return Explainer(partial(explain_batch, params=params))


def explain_batch(
    classifier: Classifier, images: torch.Tensor, labels: torch.Tensor, params: InputGradientParams
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return relevance (B, rows, cols) and logits (B, K) with gradients enabled by the caller.

    A patch's relevance is the sum over its pixels, so that no readout is asked for. Raises
    RatevalError when the classifier has no such target, PluginError when the logits don't depend
    on the images. Source: Simonyan, Vedaldi, Zisserman, ICLR workshop 2014 (gradient); Shrikumar et
    al., arXiv 1605.01713 (gradient times input).
    """
    pixels = images.detach().requires_grad_()
    logits = classifier.logits(pixels)
    (gradient,) = differentiate(classifier, logits, labels, [pixels], params)
    if params.measure == "norm":
        relevance = gradient.norm(dim=1)
    else:
        relevance = (gradient * images).sum(dim=1).abs()
    return pool_to_grid(relevance, classifier.model.grid), logits
