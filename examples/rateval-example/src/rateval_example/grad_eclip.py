"""Grad-ECLIP: values weighted by channels and by how near their keys are to the query."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rateval.api import Classifier, Context, Explanation, RatevalError
from rateval_example.params import GradEclipParams


class GradEclip:
    """A ``rateval.api.Attribution`` after Zhao et al., ICML 2024.

    A patch's relevance is ReLU(sum over channels of g v_i, times l_i): g is the gradient of the
    score by what the last attention gives the class token, v_i the patch's value, and l_i the
    nearness of its key to the class token's query, from 0 to 1 over the patches. The gradient by
    the attention from the class token to a patch is just that sum of g v_i within a head. For l_i
    the paper takes the cosine; here it is the product of query and key, which recorded attention
    tells but for a constant: it differs by the length of the keys, which it doesn't tell.
    """

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
        model = classifier.model
        if model.readout == "mean":
            raise RatevalError("grad-eclip needs a class token or a pool; use generic-attention")
        layer = model.depth - 1
        with torch.enable_grad(), model.record_attention([layer]) as record:
            logits = classifier.logits(images)
            chosen = logits.argmax(1) if self._target == "predicted" else labels
            attention = record[layer]
            (gradient,) = torch.autograd.grad(logits.gather(1, chosen[:, None]).sum(), attention)
        # From the class token, or the pool's query, to the patches.
        weighted = gradient[:, :, 0, model.prefix_tokens :].sum(1)
        tiny = torch.finfo(attention.dtype).tiny
        products = attention.detach()[:, :, 0, model.prefix_tokens :].clamp(min=tiny).log().sum(1)
        lowest, highest = products.amin(1, keepdim=True), products.amax(1, keepdim=True)
        nearness = (products - lowest) / (highest - lowest).clamp(min=tiny)
        relevance = (weighted * nearness).relu().reshape(len(images), *model.grid)
        return Explanation(relevance.float(), logits.detach())


def make_grad_eclip(params: GradEclipParams, context: Context) -> GradEclip:
    """Make the attribution."""
    return GradEclip(params.target)
