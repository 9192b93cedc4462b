"""Grad-CAM on the last layer's attention."""

from __future__ import annotations

from functools import partial

import torch
from torch.nn import functional as F

from rateval.api import Classifier, Context
from rateval_attention.attention.readout import patch_map, read_rows
from rateval_attention.explainer import Explainer
from rateval_attention.params import GradCamParams
from rateval_attention.passes import differentiate, record_pass


def make_grad_cam(params: GradCamParams, context: Context) -> Explainer:
    """Make the attribution; it runs where the classifier runs."""
    return Explainer(partial(explain_batch, params=params))


def explain_batch(
    classifier: Classifier, images: torch.Tensor, labels: torch.Tensor, params: GradCamParams
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return relevance (B, rows, cols) and logits (B, K) with gradients enabled by the caller.

    Raises RatevalError when the classifier has no such target, PluginError when the logits don't
    depend on the recorded attention.
    """
    model = classifier.model
    (attention,), logits = record_pass(classifier, images, [model.depth - 1])
    (gradient,) = differentiate(classifier, logits, labels, [attention], params)
    prefix = model.prefix_tokens
    with torch.no_grad():
        maps = read_rows(attention, model.readout, prefix)
        slopes = read_rows(gradient, model.readout, prefix)
        return patch_map(cam(maps, slopes, prefix), prefix, model.grid), logits


def cam(maps: torch.Tensor, slopes: torch.Tensor, prefix_tokens: int) -> torch.Tensor:
    """Weigh each head's map by its mean gradient over the patches, and keep what is positive.

    Takes the embedding's rows of attention and gradient, (B, heads, N) each, and returns (B, N).
    The heads are what channels are to a convolutional network. Source: the baseline "GradCAM" of
    Chefer, Gur, Wolf, CVPR 2021 and ICCV 2021, which applies Selvaraju et al., ICCV 2017, to the
    class token's row of the last attention; other readouts by rateval's extension.

    >>> maps = torch.tensor([[[0.0, 1.0, 0.0], [0.0, 0.5, 0.5]]])
    >>> cam(maps, torch.tensor([[[0.0, 2.0, 2.0], [0.0, -3.0, -1.0]]]), 1)
    tensor([[0.0000, 0.5000, 0.0000]])
    """
    weights = slopes[:, :, prefix_tokens:].mean(dim=2, keepdim=True)
    return F.relu((weights * maps).mean(dim=1))
