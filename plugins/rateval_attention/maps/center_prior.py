"""A null explainer: a peak in the centre, where photographers put what they photograph."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rateval.api import Classifier, Context, Explanation
from rateval.api.tasks.texts import Answered, Answerer
from rateval_attention.params import CenterPriorParams


class CenterPrior:
    """The same map for every image, a centred Gaussian."""

    def __init__(self, params: CenterPriorParams) -> None:
        self.params = params

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        """Return B equal maps for (B, 3, H, W) float32; labels (B,) int64 don't matter."""
        return self._repeat(classifier.model.grid, images)

    def explain_answers(self, answerer: Answerer, answered: Answered) -> Explanation:
        """Return B equal maps; neither questions nor answers matter."""
        return self._repeat(answerer.model.grid, answered.images)

    def _repeat(self, grid: tuple[int, int], images: torch.Tensor) -> Explanation:
        peak = gaussian(grid, self.params.width).to(images.device)
        return Explanation(peak.repeat(len(images), 1, 1))


def make_center_prior(params: CenterPriorParams, context: Context) -> CenterPrior:
    """Make the attribution; it runs where the images are."""
    return CenterPrior(params)


def gaussian(grid: tuple[int, int], width: float) -> torch.Tensor:
    """Return a Gaussian on the patches' centres, (rows, cols) float32 with 1 at the image's centre.

    ``width`` is the standard deviation along each side, as a share of that side.

    >>> gaussian((1, 3), 1 / 3)
    tensor([[0.6065, 1.0000, 0.6065]])
    """
    sides = [(torch.arange(length) + 0.5) / length - 0.5 for length in grid]
    along_rows, along_cols = (torch.exp(-0.5 * (side / width) ** 2) for side in sides)
    return along_rows[:, None] * along_cols
