"""What all attributions of gradients and attention share: the surroundings, and splitting."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from rateval.api import Classifier, Explanation, RatevalError
from rateval.modelkit import is_out_of_memory

Compute = Callable[
    [Classifier, torch.Tensor, torch.Tensor],
    tuple[torch.Tensor, torch.Tensor],
]
"""(classifier, images, labels) to relevance (B, rows, cols) and logits (B, K)."""

_LOG = logging.getLogger("rateval")


class Explainer:
    """An attribution by ``compute``, in smaller parts where a batch does not fit into memory.

    The largest part that fitted is remembered for the batches to come, and each step down is said
    by a warning of the logger ``rateval``.
    """

    def __init__(self, compute: Compute) -> None:
        self._compute = compute
        self._limit: int | None = None

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        """Explain (B, 3, H, W) float32 with labels (B,) int64.

        Works inside ``no_grad`` and ``inference_mode``, whether or not the weights require a
        gradient, and leaves their ``grad`` alone. Raises what ``compute`` raises, and RatevalError
        when a single image does not fit into memory.
        """
        # Tensors of inference mode cannot be saved for a backward pass; their clones can.
        with torch.inference_mode(False), torch.enable_grad():
            images, labels = (x.clone() if x.is_inference() else x for x in (images, labels))
            with frozen(classifier.model.module):
                parts = list(self._parts(classifier, images, labels))
        relevance, logits = zip(*parts, strict=True)
        return Explanation(torch.cat(relevance), torch.cat(logits))

    def _parts(
        self, classifier: Classifier, images: torch.Tensor, labels: torch.Tensor
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        done = 0
        while done < len(images):
            size = min(self._limit or len(images), len(images) - done)
            part = slice(done, done + size)
            found = self._attempt(classifier, images[part], labels[part])
            if found is None:
                self._limit = _halve(size)
            else:
                yield found
                done += size

    def _attempt(
        self, classifier: Classifier, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor] | None:
        # Only after this function has returned are the tensors of the failed pass let go of: the
        # exception's traceback holds them.
        try:
            relevance, logits = self._compute(classifier, images, labels)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return None
        return relevance.detach().float(), logits.detach().float()


def _halve(size: int) -> int:
    if size == 1:
        raise RatevalError(
            "one image alone does not fit into the device's memory while it is explained; explain "
            'fewer layers (such as layers = "last"), or take a smaller model, a dtype of half the '
            "size or another device"
        )
    half = size // 2
    _LOG.warning(
        "%d images at once do not fit into the device's memory while they are explained; "
        "they are now explained %d at a time",
        size,
        half,
    )
    return half


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
