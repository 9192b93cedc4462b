"""How many of the most relevant pixels lie inside the mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from rateval.api import Context
from rateval_rationality.judging import ThresholdValidator
from rateval_rationality.ranking import top_inside

if TYPE_CHECKING:
    from rateval_rationality.params import RelevanceRankParams


def relevance_rank(heat: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Return the share of the K most relevant pixels inside the mask, (B,) float32.

    Takes heat (B, H, W) float32 and masks (B, H, W) bool.

    K is the number of the mask's pixels: RRA = |top K ∩ mask| / K, in [0, 1], its expectation
    where pixels tie for the last places. An empty mask gives 0; ask first whether it holds any.

    Source: relevance rank accuracy of Arras et al., CLEVR-XAI, Information Fusion 2022.

    >>> heat = torch.tensor([[[0.0, 1.0, 0.5, 0.5]]])
    >>> relevance_rank(heat, torch.tensor([[[False, True, False, True]]]))
    tensor([0.7500])
    """
    counts = masks.sum((1, 2)).clamp(min=1)
    return top_inside(heat, masks, counts) / counts


def make_relevance_rank(params: RelevanceRankParams, context: Context) -> ThresholdValidator:
    """Make the validator."""
    return ThresholdValidator(relevance_rank, params.threshold)
