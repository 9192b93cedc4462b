"""Explain a classifier's batch by Generic Attention Attribution."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from rateval.api import Classifier, Context, Explanation, PluginError, RatevalError
from rateval_attention.params import GenericAttentionParams
from rateval_attention.relevance import (
    choose_layers,
    class_scores,
    patch_map,
    relevance_row,
)


class GenericAttention:
    """Explain images by one forward pass and one gradient call for the whole batch."""

    def __init__(self, params: GenericAttentionParams) -> None:
        self.params = params

    def explain(
        self, classifier: Classifier, images: torch.Tensor, labels: torch.Tensor
    ) -> Explanation:
        """Explain (B, 3, H, W) float32 with labels (B,) int64.

        Works inside ``no_grad`` and ``inference_mode``, whether or not the weights require a
        gradient, and leaves their ``grad`` alone. Raises RatevalError when the model has no such
        layer, PluginError when the logits don't depend on the recorded attention.
        """
        # Tensors of inference mode cannot be saved for a backward pass; their clones can.
        with torch.inference_mode(False), torch.enable_grad():
            images, labels = (x.clone() if x.is_inference() else x for x in (images, labels))
            with frozen(classifier.model.module):
                relevance, logits = explain_batch(classifier, images, labels, self.params)
        return Explanation(relevance.detach().float(), logits.detach().float())


def make_generic_attention(params: GenericAttentionParams, context: Context) -> GenericAttention:
    """Make the attribution; it runs where the classifier runs."""
    return GenericAttention(params)


def explain_batch(
    classifier: Classifier,
    images: torch.Tensor,
    labels: torch.Tensor,
    params: GenericAttentionParams,
    *,
    create_graph: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return relevance (B, rows, cols) and logits (B, K) with gradients enabled by the caller.

    ``create_graph`` makes the relevance differentiable, for a loss on it. Raises as
    ``GenericAttention.explain`` does.
    """
    model = classifier.model
    layers = choose_layers(params.layers, model.depth)
    if model.readout == "attention pool" and model.depth - 1 not in layers:
        raise RatevalError(
            f"layers = {list(layers)}: this model reads its embedding by an attention pool, layer "
            f"{model.depth - 1}, without which no relevance reaches the patches; add that layer"
        )
    with model.record_attention(layers) as recorded:
        logits = classifier.logits(images)
    if set(recorded) != set(layers) or not logits.requires_grad:
        raise PluginError(
            f"{type(classifier).__name__} on {type(model).__name__}: the logits are not computed "
            f"from the recorded attention of the layers {list(layers)}; logits() must run the "
            "model's image tower with gradients enabled"
        )
    targets = labels if params.target == "label" else logits.detach().argmax(dim=1)
    attention = [recorded[layer] for layer in reversed(layers)]
    # No image's score depends on another image, so the sum's gradient holds each one's own.
    objective = class_scores(logits, targets, params.score).sum()
    gradients = torch.autograd.grad(objective, attention, create_graph=create_graph)
    with torch.set_grad_enabled(create_graph):
        row = relevance_row(attention, gradients, model.readout, model.prefix_tokens)
        return patch_map(row, model.prefix_tokens, model.grid), logits


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
