"""Whether the most relevant pixel lies on the mask."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import torch

from rateval.api import Context
from rateval_rationality.judging import ThresholdValidator

if TYPE_CHECKING:
    from rateval_rationality.params import PointingGameParams


def pointing_game(heat: torch.Tensor, masks: torch.Tensor, *, tolerance: int = 0) -> torch.Tensor:
    """Return whether the heat's peak hits the mask, (B,) float32.

    Takes heat (B, H, W) float32 and masks (B, H, W) bool.

    1 for a hit, 0 for a miss; a peak hits when its distance to a pixel of the mask, between their
    centres, is at most ``tolerance`` pixels. Where several pixels share the largest value it is the
    share of them that hit, which is the chance that one drawn among them does.

    Source: Zhang et al., Top-down Neural Attention by Excitation Backprop, ECCV 2016.

    >>> heat = torch.tensor([[[0.0, 0.0, 1.0, 1.0]]])
    >>> pointing_game(heat, torch.tensor([[[False, True, True, False]]]))
    tensor([0.5000])
    """
    peaks = heat == heat.amax((1, 2), keepdim=True)
    hits = peaks & grow(masks, tolerance)
    return hits.sum((1, 2)) / peaks.sum((1, 2))


def grow(masks: torch.Tensor, radius: int) -> torch.Tensor:
    """Return a (B, H, W) bool mask and all pixels within ``radius``, by Euclidean distance.

    The distance is that of the pixels' centres.

    >>> grow(torch.tensor([[[False, False, False, True]]]), 2)
    tensor([[[False,  True,  True,  True]]])
    """
    grown, wide, reach = masks.clone(), masks, 0
    # From the disc's poles, one pixel wide, to its equator: rows only ever widen.
    for rows in range(radius, -1, -1):
        half = math.isqrt(radius**2 - rows**2)
        for columns in range(reach + 1, half + 1):
            wide = wide | _shifted(masks, 2, columns)
        reach = half
        grown |= _shifted(wide, 1, rows)
    return grown


def _shifted(masks: torch.Tensor, axis: int, by: int) -> torch.Tensor:
    """Return the union of masks moved equally in both directions; what leaves the image is lost."""
    moved = torch.zeros_like(masks)
    kept = max(masks.shape[axis] - by, 0)
    start = masks.shape[axis] - kept
    moved.narrow(axis, start, kept).logical_or_(masks.narrow(axis, 0, kept))
    moved.narrow(axis, 0, kept).logical_or_(masks.narrow(axis, start, kept))
    return moved


def make_pointing_game(params: PointingGameParams, context: Context) -> ThresholdValidator:
    """Make the validator."""
    return ThresholdValidator(partial(pointing_game, tolerance=params.tolerance), params.threshold)
