"""Integrated gradients, through captum."""

from __future__ import annotations

from functools import partial
from typing import Literal

import torch
from captum.attr import IntegratedGradients

from rateval.api import Classifier, Context, Model
from rateval_attention.explainer import Explainer
from rateval_attention.params import IntegratedGradientsParams
from rateval_attention.pixels.pooling import pool_to_grid
from rateval_attention.targets import choose_targets, class_scores

_METHODS = {"legendre": "gausslegendre", "uniform": "riemann_middle"}
"""Nodes to captum's name of the rule; its trapezoidal one has weights that don't sum to 1."""


def make_integrated_gradients(params: IntegratedGradientsParams, context: Context) -> Explainer:
    """Make the attribution; it runs where the classifier runs."""
    return Explainer(partial(explain_batch, params=params))


def explain_batch(
    classifier: Classifier,
    images: torch.Tensor,
    labels: torch.Tensor,
    params: IntegratedGradientsParams,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return relevance (B, rows, cols), logits (B, K), gaps and differences (B,) of completeness.

    Gradients are enabled by the caller.

    A pixel's relevance is the absolute value of its attribution, summed over the channels; a
    patch's is the sum over its pixels, so that no readout is asked for. Raises RatevalError when
    the classifier has no such target. Source: Sundararajan, Taly, Yan, ICML 2017.
    """
    with torch.no_grad():
        logits = classifier.logits(images)
    targets = choose_targets(logits, labels, params.target)

    def scores(points: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return class_scores(classifier.logits(points), targets, params.score)

    baselines = baseline_images(images, classifier.model, params.baseline)
    attributed: torch.Tensor = IntegratedGradients(scores).attribute(
        images.detach().requires_grad_(),
        baselines=baselines,
        method=_METHODS[params.nodes],
        additional_forward_args=targets,
        n_steps=params.steps,
        # One point of the path after the other: no more memory than for a single backward pass.
        internal_batch_size=len(images),
    )
    by_pixel = attributed.detach().sum(dim=1)
    with torch.no_grad():
        differences = class_scores(logits, targets, params.score) - scores(baselines, targets)
    gaps = (by_pixel.sum(dim=(1, 2)) - differences).abs()
    relevance = pool_to_grid(by_pixel.abs(), classifier.model.grid)
    return relevance, logits, gaps, differences


def baseline_images(
    images: torch.Tensor, model: Model, baseline: Literal["black", "mean"]
) -> torch.Tensor:
    """Return where the path starts, shaped like ``images`` (B, 3, H, W), after normalisation."""
    if baseline == "mean":
        return torch.zeros_like(images)
    mean, std = (images.new_tensor(values) for values in (model.card.mean, model.card.std))
    return (-mean / std)[:, None, None].expand_as(images)
