"""A null explainer: maps drawn at random, which any claim about evidence has to beat."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from rateval.api import Classifier, Context, Explanation
from rateval.api.tasks.texts import Answered, Answerer
from rateval_attention.params import RandomParams


class RandomMap:
    """A map drawn from a digest of the seed and each image's pixels, and of what it was asked."""

    def __init__(self, params: RandomParams, seed: int) -> None:
        self.params = params
        self.seed = seed

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        """Draw maps for (B, 3, H, W) float32; labels (B,) int64 and classifier don't matter.

        The same image gets the same map wherever it stands in a batch or a dataset.
        """
        return self._draw(classifier.model.grid, images, [""] * len(images))

    def explain_answers(self, answerer: Answerer, answered: Answered) -> Explanation:
        """Draw a map for each of B answers; the model doesn't matter.

        What is explained, of which question to which image, is drawn for alone: two questions about
        an image get maps that owe nothing to each other.
        """
        spans = answered.spans or [None] * len(answered.answers)
        asked = zip(answered.questions, answered.answers, spans, strict=True)
        texts = ["\0".join(map(str, one)) for one in asked]
        return self._draw(answerer.model.grid, answered.images, texts)

    def _draw(
        self, grid: tuple[int, int], images: torch.Tensor, texts: Sequence[str]
    ) -> Explanation:
        rows, cols = grid
        each = zip(images, texts, strict=True)
        drawn = np.stack([draw_uniform(one, self.seed, rows * cols, text) for one, text in each])
        if self.params.distribution == "exponential":
            drawn = -np.log1p(-drawn)
        relevance = torch.from_numpy(drawn).to(images.device, torch.float32)
        return Explanation(relevance.reshape(-1, rows, cols))


def make_random(params: RandomParams, context: Context) -> RandomMap:
    """Make the attribution with the params' seed, else the study's."""
    return RandomMap(params, context.seed if params.seed is None else params.seed)


def draw_uniform(image: torch.Tensor, seed: int, count: int, text: str = "") -> NDArray[np.float64]:
    """Draw ``count`` numbers in [0, 1) that depend on the image, the seed and the text alone.

    They are the bits of SHAKE-128, so that no library's generator can change them.

    >>> draw_uniform(torch.zeros(3, 2, 2), 0, 2).round(4).tolist()
    [0.8531, 0.4077]
    """
    pixels = image.detach().cpu().float().numpy().astype("<f4")
    drawn_from = seed.to_bytes(8, "little") + pixels.tobytes() + text.encode(errors="surrogatepass")
    digest = hashlib.shake_128(drawn_from).digest(8 * count)
    # A float64 holds 53 of the 64 bits of each number.
    return (np.frombuffer(digest, "<u8") >> 11).astype(np.float64) / 2**53
