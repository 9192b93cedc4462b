"""Valid where enough of the relevance lies on the evidence."""

import torch
from pydantic import Field
from torch.nn.functional import adaptive_avg_pool2d

from rateval.api import Context, Params, Validator, Verdict


class MineValidatorParams(Params):
    """What a spec can set of mine-validator."""

    threshold: float = Field(default=0.5, ge=0, le=1)
    """Share of the relevance that must lie on the evidence."""


class MineValidator:
    """The share of a map's relevance that lies on the evidence, against a threshold."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        """Judge (B, rows, cols) float32 maps against (B, H, W) bool masks."""
        # Must leave its inputs as they are, and take a batch of none.
        # Must judge an image alone as it does in a batch, in any order.
        # Must leave undefined, and say why: an empty mask, a map of zeros, a constant map.
        # Must give float32 scores, finite where defined, and never valid where undefined.
        reasons = tuple(map(_explain, relevance, masks))
        defined = torch.tensor([not why for why in reasons], dtype=torch.bool)
        defined = defined.to(relevance.device)
        grid = (relevance.shape[1], relevance.shape[2])
        covered = adaptive_avg_pool2d(masks.float()[:, None], grid)[:, 0]
        total = relevance.sum(dim=(1, 2)).clamp(min=torch.finfo(torch.float32).tiny)
        score = (relevance * covered).sum(dim=(1, 2)) / total
        return Verdict(score, (score >= self._threshold) & defined, defined, reasons)


def _explain(relevance: torch.Tensor, mask: torch.Tensor) -> str:
    if not mask.any():
        return "empty mask"
    return "constant map" if relevance.max() == relevance.min() else ""


def make(params: MineValidatorParams, context: Context) -> Validator:
    """Make the validator."""
    return MineValidator(params.threshold)
