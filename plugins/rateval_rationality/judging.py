"""A measure and a threshold: what all validators of this package share."""

from __future__ import annotations

from collections.abc import Callable

import torch

from rateval.api import Verdict
from rateval_rationality.heat import heat_map

EMPTY_MASK = "empty mask"
FULL_MASK = "full mask"
NOT_FINITE = "relevance not finite"
CONSTANT_RELEVANCE = "constant relevance"

Measure = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(B, H, W) float32 heat in [0, 1] and (B, H, W) bool masks of one device to (B,) float32 scores,
finite even where they mean nothing."""


class ThresholdValidator:
    """Evidence is valid when the measure of its heat map is at least the threshold.

    Undefined, and therefore not valid, are an empty mask, a mask of the whole image where the
    measure needs pixels outside, a map with values that are not finite and a constant or all-zero
    map; the first of these that holds is the reason given.
    """

    def __init__(self, measure: Measure, threshold: float, *, needs_outside: bool = False) -> None:
        self.measure = measure
        self.threshold = threshold
        self.needs_outside = needs_outside

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        """Judge (B, rows, cols) maps against (B, H, W) bool masks of the same device.

        Raises ValueError when there are more of one than of the other.
        """
        heat = heat_map(relevance, (masks.shape[1], masks.shape[2]))
        if heat.shape != masks.shape:
            raise ValueError(
                f"heat {tuple(heat.shape)} and masks {tuple(masks.shape)} must be alike"
            )
        bytes_of_masks = masks.view(torch.uint8)  # any() and all() of bool take 30 times as long
        causes = {
            EMPTY_MASK: bytes_of_masks.amax((1, 2)) == 0,
            FULL_MASK: (bytes_of_masks.amin((1, 2)) == 1) & self.needs_outside,
            NOT_FINITE: ~relevance.isfinite().flatten(1).all(1),
            CONSTANT_RELEVANCE: heat.amax((1, 2)) == 0,
        }
        found = torch.stack(tuple(causes.values()))
        defined = ~found.any(0)
        score = self.measure(heat, masks)
        valid = (score >= self.threshold) & defined
        return Verdict(score, valid, defined, _first_of(tuple(causes), found))


def _first_of(names: tuple[str, ...], found: torch.Tensor) -> tuple[str, ...]:
    return tuple(
        next((name for name, holds in zip(names, column, strict=True) if holds), "")
        for column in found.T.tolist()
    )
