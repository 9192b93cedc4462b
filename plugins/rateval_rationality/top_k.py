"""How much of the most relevant part of the image lies inside the mask."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

from rateval.api import Context
from rateval_rationality.judging import ThresholdValidator
from rateval_rationality.ranking import top_count, top_inside

if TYPE_CHECKING:
    from rateval_rationality.params import TopKParams


def top_k(heat: torch.Tensor, masks: torch.Tensor, *, percent: float) -> torch.Tensor:
    """Return the share of the most relevant pixels inside the mask, (B,) float32.

    Takes heat (B, H, W) float32 and masks (B, H, W) bool.

    |top K ∩ mask| / K, in [0, 1], with K = percent / 100 * H * W, rounded, at least 1; its
    expectation where pixels tie for the last places. A mask smaller than K pixels cannot reach 1.

    Source: top-k intersection of Theiner et al., Interpretable Semantic Photo Geolocation, WACV
    2022, with K as a share of the image.

    >>> heat = torch.tensor([[[0.0, 1.0, 0.5, 0.25]]])
    >>> top_k(heat, torch.tensor([[[False, True, False, True]]]), percent=50)
    tensor([0.5000])
    """
    counts = top_count(percent / 100, masks)
    return top_inside(heat, masks, counts) / counts


def make_top_k(params: TopKParams, context: Context) -> ThresholdValidator:
    """Make the validator."""
    return ThresholdValidator(partial(top_k, percent=params.percent), params.threshold)
