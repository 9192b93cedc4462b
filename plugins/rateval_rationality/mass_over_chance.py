"""How far the relevance mass on the evidence exceeds that of a uniform map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from rateval.api import Context
from rateval_rationality.judging import ThresholdValidator
from rateval_rationality.relevance_mass import relevance_mass

if TYPE_CHECKING:
    from rateval_rationality.params import MassOverChanceParams


def mass_over_chance(heat: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Return the relevance mass inside the mask, corrected for chance, (B,) float32.

    Takes heat (B, H, W) float32 and masks (B, H, W) bool.

    (RMA - a) / (1 - a), where a is the mask's share of the image: 1 when all mass lies inside, 0
    for a uniform map, down to -a / (1 - a) when none does. Undefined for a mask of the whole image,
    which gives 0 here; ask first whether anything lies outside.

    Source: correction for chance of Cohen, Educational and Psychological Measurement 1960, applied
    to relevance mass accuracy (Arras et al., CLEVR-XAI, Information Fusion 2022).

    >>> heat = torch.tensor([[[0.0, 1.0, 0.5, 0.5]]])
    >>> mass_over_chance(heat, torch.tensor([[[False, True, False, True]]]))
    tensor([0.5000])
    """
    area = masks.float().mean((1, 2))
    outside = 1 - area
    return (relevance_mass(heat, masks) - area) / outside.where(outside > 0, 1.0)


def make_mass_over_chance(params: MassOverChanceParams, context: Context) -> ThresholdValidator:
    """Make the validator."""
    return ThresholdValidator(mass_over_chance, params.threshold, needs_outside=True)
