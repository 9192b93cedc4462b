"""The heat map of patch relevance that every validator of this package looks at."""

from __future__ import annotations

import torch
import torch.nn.functional as F

# A map that should be constant comes out of an explainer with ripples of a few 1e-7 of its value;
# stretching those to [0, 1] would turn rounding into evidence.
_FLAT = 1e-6

# Steps of the result: as fine as float32 is near 1, and the same near 0, where float32 alone would
# keep apart what only rounding has parted.
_STEPS = 2**24


def heat_map(relevance: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Upsample (B, rows, cols) relevance bilinearly to (B, H, W) float32 and stretch to [0, 1].

    Smallest and largest value are taken per image, after upsampling. A map that is constant, or
    holds a value that is not finite, becomes all zeros: there is nothing to stretch.

    All is computed in float64 and rounded once, to multiples of 2^-24: pixels that are equal by the
    formula are equal in the result, on every device and in every batch, and count as ties where
    pixels are ranked.

    Source: Wang et al., AAAI 2025, arXiv 2412.13333.

    >>> heat_map(torch.tensor([[[2.0, 4.0]], [[3.0, 3.0]]]), (1, 4))
    tensor([[[0.0000, 0.2500, 0.7500, 1.0000]],
    <BLANKLINE>
            [[0.0000, 0.0000, 0.0000, 0.0000]]])
    """
    if relevance.device.type == "cpu":  # elsewhere a look at the values is a wait
        anew = _differ_from_last(relevance)
        if not bool(anew.all()):  # what meets several masks is stretched once
            return heat_map(relevance[anew], size)[anew.cumsum(0) - 1]
    exact = relevance.to(float64_device(relevance.device)).double().unsqueeze(1)
    heat = F.interpolate(exact, size=size, mode="bilinear", align_corners=False).squeeze(1)
    low, high = heat.amin((1, 2), keepdim=True), heat.amax((1, 2), keepdim=True)
    spread = high - low
    # Comparisons with NaN, and of infinity with itself, are False: such maps count as flat.
    usable = spread > _FLAT * torch.maximum(high.abs(), low.abs())
    # In place, as another array of float64 costs more than the arithmetic.
    steps = heat.sub_(low).mul_(_STEPS / spread.where(usable, 1.0)).round_()
    stretched = steps.float().div_(_STEPS)
    stretched[~usable.flatten()] = 0.0  # nearly always no map at all
    return stretched.to(relevance.device)


def _differ_from_last(relevance: torch.Tensor) -> torch.Tensor:
    """Return which maps (B, rows, cols) are not those just before them, (B,) bool."""
    anew = torch.ones(len(relevance), dtype=torch.bool, device=relevance.device)
    anew[1:] = (relevance[1:] != relevance[:-1]).flatten(1).any(1)
    return anew


def float64_device(device: torch.device) -> torch.device:
    """Return where to compute in float64 for ``device``: itself, or the CPU for Apple's MPS.

    >>> float64_device(torch.device("cuda:1")), float64_device(torch.device("mps"))
    (device(type='cuda', index=1), device(type='cpu'))
    """
    return torch.device("cpu") if device.type == "mps" else device
