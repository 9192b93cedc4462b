"""The gradient of a class's score by the pixels, averaged over each patch."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch.nn.functional import adaptive_avg_pool2d

from rateval.api import Attribution, Classifier, Context, Explanation, Params


class MineAttributionParams(Params):
    """What a spec can set of mine-attribution."""

    target: Literal["predicted", "label"] = "predicted"
    """The class that is explained."""


class MineAttribution:
    """The size of the gradient by the pixels."""

    def __init__(self, target: str) -> None:
        self._target = target

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        """Explain (B, 3, H, W) float32 with labels (B,) int64."""
        # Must give (B, rows, cols) float32 on the model's grid: finite, not negative, detached.
        # Must give each image a map that depends on that image alone.
        # Must leave weights, their gradients, requires_grad and the images as they were.
        # Logits are those of the classifier, or None where the pass gave none.
        with torch.enable_grad():
            pixels = images.detach().clone().requires_grad_()
            logits = classifier.logits(pixels)
            chosen = logits.argmax(dim=1) if self._target == "predicted" else labels
            score = logits.gather(1, chosen[:, None]).sum()
            (gradient,) = torch.autograd.grad(score, pixels)
        size = gradient.float().norm(dim=1, keepdim=True)
        relevance = adaptive_avg_pool2d(size, classifier.model.grid)[:, 0]
        return Explanation(relevance, logits.detach())


def make(params: MineAttributionParams, context: Context) -> Attribution:
    """Make the attribution."""
    return MineAttribution(params.target)
