"""What all attributions of gradients and attention share: the surroundings of a pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from rateval.api import Classifier, Explanation

Compute = Callable[[Classifier, torch.Tensor, torch.Tensor], tuple[torch.Tensor, ...]]
"""(classifier, images, labels) to the fields of an Explanation: relevance (B, rows, cols), logits
(B, K), and gaps and differences (B,) where a sum is promised."""


class Explainer:
    """An attribution by ``compute``, whatever the surroundings say of gradients."""

    def __init__(self, compute: Compute) -> None:
        self._compute = compute

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        """Explain (B, 3, H, W) float32 with labels (B,) int64.

        Works inside ``no_grad`` and ``inference_mode``, whether or not the weights require a
        gradient, and leaves their ``grad`` alone. Raises what ``compute`` raises.
        """
        with differentiable(classifier, images, labels) as given:
            found = self._compute(classifier, *given)
        return Explanation(*(field.detach().float() for field in found))


@contextmanager
def differentiable(
    classifier: Classifier, images: torch.Tensor, labels: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield images and labels that a pass may be differentiated with, its weights aside."""
    # Tensors of inference mode cannot be saved for a backward pass; their clones can.
    with torch.inference_mode(False), torch.enable_grad():
        images, labels = (x.clone() if x.is_inference() else x for x in (images, labels))
        with frozen(classifier.model.module):
            yield images, labels


@contextmanager
def frozen(module: torch.nn.Module) -> Iterator[None]:
    """Let no weight of ``module`` require a gradient within the context.

    The graph then starts at the first recorded attention instead of at the first weight, which
    spares the memory and time of everything before it.

    >>> layer = torch.nn.Linear(1, 1)
    >>> with frozen(layer):
    ...     layer.weight.requires_grad
    False
    >>> layer.weight.requires_grad
    True
    """
    trainable = [weight for weight in module.parameters() if weight.requires_grad]
    for weight in trainable:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in trainable:
            weight.requires_grad_(True)
