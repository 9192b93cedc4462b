"""Judge evidence by the share of relevance that lies inside the mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from rateval.api import Context, Verdict

if TYPE_CHECKING:
    from rateval_rationality.params import RelevanceMassParams

EMPTY_MASK = "empty mask"
CONSTANT_RELEVANCE = "constant relevance"
NOT_FINITE = "relevance not finite"

# Interpolating a constant map in float32 leaves ripples of a few 1e-7 of its value; stretching
# those to [0, 1] would turn rounding into evidence.
_FLAT = 1e-6


def heat_map(relevance: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Upsample (B, rows, cols) relevance bilinearly to (B, H, W) float32 and stretch to [0, 1].

    Smallest and largest value are taken per image, after upsampling. A map that is constant, or
    holds a value that is not finite, becomes all zeros: there is nothing to stretch.

    Source: Wang et al., AAAI 2025, arXiv 2412.13333.

    >>> heat_map(torch.tensor([[[2.0, 4.0]], [[3.0, 3.0]]]), (1, 4))
    tensor([[[0.0000, 0.2500, 0.7500, 1.0000]],
    <BLANKLINE>
            [[0.0000, 0.0000, 0.0000, 0.0000]]])
    """
    heat = F.interpolate(
        relevance.float().unsqueeze(1), size=size, mode="bilinear", align_corners=False
    ).squeeze(1)
    low, high = heat.amin((1, 2), keepdim=True), heat.amax((1, 2), keepdim=True)
    spread = high - low
    # Comparisons with NaN, and of infinity with itself, are False: such maps count as flat.
    usable = spread > _FLAT * torch.maximum(high.abs(), low.abs())
    return torch.where(usable, (heat - low) / spread.where(usable, 1.0), 0.0)


def relevance_mass(heat: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Share of the heat's mass inside the mask: (B, H, W) float32, (B, H, W) bool to (B,) float32.

    A map of zeros has no mass to share out and gives 0; ask first whether it has any. Raises
    ValueError when the shapes differ.

    Source: relevance mass accuracy of Arras et al., CLEVR-XAI, Information Fusion 2022.

    >>> heat = torch.tensor([[[0.0, 1.0, 0.5, 0.5]]])
    >>> relevance_mass(heat, torch.tensor([[[False, True, False, True]]]))
    tensor([0.7500])
    """
    if heat.shape != masks.shape:
        raise ValueError(f"heat {tuple(heat.shape)} and masks {tuple(masks.shape)} must be alike")
    inside, total = (heat * masks).sum((1, 2)), heat.sum((1, 2))
    # Both sums are rounded, so that a mask around all of the mass may give 1 + 1e-7.
    return (inside / total.where(total > 0, 1.0)).clamp(max=1.0)


class RelevanceMass:
    """Call evidence valid when its relevance mass is at least the threshold.

    Undefined, and therefore not valid, are an empty mask, a constant or all-zero map and a map with
    values that are not finite; the first of these that holds is the reason given.

    Source: Wang et al., AAAI 2025, arXiv 2412.13333, whose threshold is 0.5.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        """Judge (B, rows, cols) maps against (B, H, W) bool masks of the same device."""
        heat = heat_map(relevance, (masks.shape[1], masks.shape[2]))
        score = relevance_mass(heat, masks)
        empty = ~masks.any(2).any(1)
        broken = ~relevance.isfinite().all(2).all(1)
        flat = heat.amax((1, 2)) == 0
        defined = ~(empty | flat)
        reasons = tuple(
            EMPTY_MASK if no_mask else NOT_FINITE if bad else CONSTANT_RELEVANCE if none else ""
            for no_mask, bad, none in zip(
                empty.tolist(), broken.tolist(), flat.tolist(), strict=True
            )
        )
        return Verdict(score, (score >= self.threshold) & defined, defined, reasons)


def make_relevance_mass(params: RelevanceMassParams, context: Context) -> RelevanceMass:
    """Make the validator."""
    return RelevanceMass(params.threshold)
