"""LeGrad: each layer's tokens are scored as if they were the last, and the score differentiated."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from rateval.api import Classifier, Context, Model, PluginError, RatevalError
from rateval_attention.attention.layers import layer_indices
from rateval_attention.attention.readout import patch_map
from rateval_attention.explainer import Explainer
from rateval_attention.params import LegradParams
from rateval_attention.targets import choose_targets, class_scores

Score = Callable[[torch.Tensor], torch.Tensor]
"""From tokens (B, N, D) after a layer to the sum of what is explained, ()."""


def make_legrad(params: LegradParams, context: Context) -> Explainer:
    """Make the attribution; it runs where the classifier runs."""
    return Explainer(partial(explain_batch, params=params))


def explain_batch(
    classifier: Classifier, images: torch.Tensor, labels: torch.Tensor, params: LegradParams
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return relevance (B, rows, cols) and logits (B, K) with gradients enabled by the caller.

    Source: Bousselham et al., "LeGrad", arXiv 2404.03214, section 3; by a pool's attention its
    extension to SigLIP. The classifier makes the score of a layer's tokens: z · t for prompts,
    times the factor on the cosine, which no validator looks at, or a head's row on what the head
    sits on. Raises RatevalError when the model has no such layer or gives no tokens, or the
    classifier has no such target; PluginError when the logits don't depend on the tokens.
    """
    model: Any = classifier.model
    layers = layer_indices(params.layers, model.depth)
    _require_tokens(model)
    pooled = model.readout == "attention pool"
    if pooled:
        # The pool reads every block's tokens; as a layer it stands for the last of them.
        layers = tuple(sorted({min(layer, model.depth - 2) for layer in layers}))
    with torch.set_grad_enabled(not pooled), model.record_blocks(layers) as recorded:
        logits = classifier.logits(images)
    if set(recorded) != set(layers):
        raise _not_from(classifier)
    targets = choose_targets(logits, labels, params.target)

    def score(tokens: torch.Tensor) -> torch.Tensor:
        with model.read_tokens(tokens):
            scores = classifier.logits(images)
        if not scores.requires_grad:
            raise _not_from(classifier)
        # No image's score depends on another image, so the sum's gradient holds each one's own.
        return class_scores(scores, targets, params.score).sum()

    row = torch.zeros((), device=images.device)
    for layer in layers:
        attention, tokens = recorded.pop(layer)
        slope = by_pool(score, model, tokens) if pooled else by_layer(score, attention, tokens)
        row = row + mean_slope(slope)
    return patch_map(row, model.prefix_tokens, model.grid), logits


def by_layer(score: Score, attention: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the score by a layer's own attention, (B, heads, N, N).

    The score is of the mean of all tokens (B, N, D): with the mean in the place of each of them,
    the model's own norm, readout and projection make of it what is to be scored.
    """
    mean = tokens.mean(dim=1, keepdim=True, dtype=torch.float32).to(tokens.dtype)
    return torch.autograd.grad(score(mean.expand_as(tokens)), attention)[0]


def by_pool(score: Score, model: Model, tokens: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the score by the pool's attention over tokens, (B, heads, 1, N)."""
    pool = model.depth - 1
    with model.record_attention([pool]) as recorded:
        value = score(tokens)
    return torch.autograd.grad(value, recorded[pool])[0]


def mean_slope(gradient: torch.Tensor) -> torch.Tensor:
    """Average the positive part of (B, heads, M, N) over heads and query tokens: (B, N).

    >>> mean_slope(torch.tensor([[[[-4.0, 4.0], [1.0, 0.0]]]]))
    tensor([[0.5000, 2.0000]])
    """
    return gradient.clamp(min=0).mean(dim=(1, 2))


def _require_tokens(model: Any) -> None:
    if not (hasattr(model, "record_blocks") and hasattr(model, "read_tokens")):
        raise RatevalError(
            f"legrad: {type(model).__name__} of {model.card.architecture} gives no tokens of its "
            "layers (record_blocks and read_tokens, docs/plugins.md); take generic-attention or "
            "grad-cam, which need none"
        )


def _not_from(classifier: Classifier) -> PluginError:
    return PluginError(
        f"{type(classifier).__name__} on {type(classifier.model).__name__}: the logits are not "
        "computed from the tokens of the model's layers; logits() must run the model's image tower "
        "with gradients enabled"
    )
