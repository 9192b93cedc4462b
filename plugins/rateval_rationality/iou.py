"""The overlap of the binarised heat map with the mask."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import torch

from rateval.api import Context
from rateval_rationality.judging import ThresholdValidator
from rateval_rationality.ranking import top_count, top_inside

if TYPE_CHECKING:
    from rateval_rationality.params import IouParams


def iou(
    heat: torch.Tensor, masks: torch.Tensor, *, cut: Literal["level", "quantile"], at: float
) -> torch.Tensor:
    """Return the intersection over union of hot region and mask, (B,) float32.

    Takes heat (B, H, W) float32 and masks (B, H, W) bool.

    |R ∩ mask| / (|R| + |mask| - |R ∩ mask|), in [0, 1]. The region R is {heat >= at} for a level,
    and the (1 - at) * H * W most relevant pixels, rounded, at least 1, for a quantile. There tied
    pixels belong to R in equal parts where they compete for its last places, so that |R| stays as
    asked for.

    Source: level: Zhou et al., Learning Deep Features for Discriminative Localization, CVPR 2016;
    quantile: Bau et al., Network Dissection, CVPR 2017.

    >>> heat, mask = torch.tensor([[[0.0, 1.0, 0.5]]]), torch.tensor([[[False, True, False]]])
    >>> iou(heat, mask, cut="level", at=0.5)
    tensor([0.5000])
    """
    if cut == "level":
        hot = heat >= at
        size, inside = hot.sum((1, 2)), (hot & masks).sum((1, 2))
    else:
        size = top_count(1 - at, masks)
        inside = top_inside(heat, masks, size)
    return inside / (size + masks.sum((1, 2)) - inside).clamp(min=1)


def make_iou(params: IouParams, context: Context) -> ThresholdValidator:
    """Make the validator."""
    return ThresholdValidator(partial(iou, cut=params.cut, at=params.at), params.threshold)
