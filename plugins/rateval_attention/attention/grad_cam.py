"""Grad-CAM on the last layer's attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from rateval.api import Context, Model
from rateval_attention.attention.layers import last_layer
from rateval_attention.attention.readout import patch_map, read_rows
from rateval_attention.attention.shared import AttentionExplainer, Reading
from rateval_attention.params import GradCamParams


def make_grad_cam(params: GradCamParams, context: Context) -> AttentionExplainer:
    """Make the attribution; it runs where the classifier runs."""
    return AttentionExplainer(Reading(last_layer, _maps, params))


def _maps(
    model: Model, attention: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor]
) -> torch.Tensor:
    prefix = model.prefix_tokens
    maps, slopes = (read_rows(last, model.readout, prefix) for (last,) in (attention, gradients))
    return patch_map(cam(maps, slopes, prefix), prefix, model.grid)


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
