"""The share of relevance that lies inside the mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from rateval.api import Context, Validator, Verdict
from rateval_rationality.heat import heat_map
from rateval_rationality.judging import NOT_FINITE, ThresholdValidator

if TYPE_CHECKING:
    from rateval_rationality.params import RelevanceMassParams


def relevance_mass(heat: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Return the share of the heat's mass inside the mask, (B,) float32.

    Takes heat (B, H, W) float32 and masks (B, H, W) bool.

    RMA = sum of heat inside the mask / sum of heat, in [0, 1]. A map of zeros has no mass to share
    out and gives 0; ask first whether it has any.

    Source: relevance mass accuracy of Arras et al., CLEVR-XAI, Information Fusion 2022.

    >>> heat = torch.tensor([[[0.0, 1.0, 0.5, 0.5]]])
    >>> relevance_mass(heat, torch.tensor([[[False, True, False, True]]]))
    tensor([0.7500])
    """
    inside, total = (heat * masks).sum((1, 2)), heat.sum((1, 2))
    # Both sums are rounded, so that a mask around all of the mass may give 1 + 1e-7.
    return (inside / total.where(total > 0, 1.0)).clamp(max=1.0)


class PublishedRelevanceMass:
    """The judgement of the published code, where a constant map counts as valid evidence.

    Source: the release of Wang et al., AAAI 2025: 0 / 0 gives NaN, and ``0 if NaN < 0.5 else 1`` is
    1. A score of NaN is recorded as 1, the only one that is valid at any threshold.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        """Judge (B, rows, cols) maps against (B, H, W) bool masks of the same device."""
        heat = heat_map(relevance, (masks.shape[1], masks.shape[2]))
        defined = relevance.isfinite().flatten(1).all(1)
        constant = heat.amax((1, 2)) == 0
        score = relevance_mass(heat, masks).where(~constant, 1.0)
        reasons = tuple("" if known else NOT_FINITE for known in defined.tolist())
        return Verdict(score, (score >= self.threshold) & defined, defined, reasons)


def make_relevance_mass(params: RelevanceMassParams, context: Context) -> Validator:
    """Make the validator; with a threshold of 0.5 it is that of Wang et al., AAAI 2025."""
    if params.degenerate == "published":
        return PublishedRelevanceMass(params.threshold)
    return ThresholdValidator(relevance_mass, params.threshold)
