"""One pass over a batch: its logits, the attention on the way, and gradients of the score."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rateval.api import Classifier, PluginError
from rateval_attention.params import TargetParams
from rateval_attention.targets import choose_targets, class_scores


def record_pass(
    classifier: Classifier, images: torch.Tensor, layers: Sequence[int]
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Run (B, 3, H, W) once; return the attention of ``layers`` and the logits (B, K).

    The attention is (B, heads, N, N) float32 for each layer, the last one first. Raises PluginError
    when the pass did not run those layers.
    """
    with classifier.model.record_attention(layers) as recorded:
        logits = classifier.logits(images)
    if set(recorded) != set(layers):
        raise _not_from(classifier, f"the recorded attention of the layers {list(layers)}")
    return [recorded[layer] for layer in sorted(layers, reverse=True)], logits


def differentiate(
    classifier: Classifier,
    logits: torch.Tensor,
    labels: torch.Tensor,
    inputs: Sequence[torch.Tensor],
    params: TargetParams,
    *,
    create_graph: bool = False,
    again: bool = False,
) -> tuple[torch.Tensor, ...]:
    """Return the gradient of each image's score by each of ``inputs``, which are batches.

    ``again`` keeps what the pass left for another score to be differentiated.

    Raises RatevalError when there is no such target, PluginError when the logits (B, K) don't
    depend on the inputs.
    """
    if not logits.requires_grad:
        raise _not_from(classifier, "what the score is to be differentiated by")
    targets = choose_targets(logits, labels, params.target)
    # No image's score depends on another image, so the sum's gradient holds each one's own.
    objective = class_scores(logits, targets, params.score).sum()
    return torch.autograd.grad(
        objective, list(inputs), retain_graph=again or create_graph, create_graph=create_graph
    )


def _not_from(classifier: Classifier, what: str) -> PluginError:
    return PluginError(
        f"{type(classifier).__name__} on {type(classifier.model).__name__}: the logits are not "
        f"computed from {what}; logits() must run the model's image tower with gradients enabled"
    )
