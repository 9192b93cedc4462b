"""Integrated gradients, through captum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

import torch
from captum.attr import IntegratedGradients

from rateval.api import Classifier, Context, Explanation, Model
from rateval.api.tasks.texts import Answered, Answerer, TextModel
from rateval_attention.answers.scores import answering, require_own_target, score_answers
from rateval_attention.explainer import Explainer
from rateval_attention.params import IntegratedGradientsParams
from rateval_attention.pixels.pooling import pool_to_grid
from rateval_attention.targets import choose_targets, class_scores

_METHODS = {"legendre": "gausslegendre", "uniform": "riemann_middle"}
"""Nodes to captum's name of the rule; its trapezoidal one has weights that don't sum to 1."""


class IntegratedGradientsExplainer(Explainer):
    """Integrated gradients of class scores, and of answers that are texts."""

    def __init__(self, params: IntegratedGradientsParams) -> None:
        super().__init__(partial(explain_batch, params=params))
        self._params = params

    def explain_answers(self, answerer: Answerer, answered: Answered) -> Explanation:
        """Explain the log probability of B answers, or their margin.

        Raises RatevalError when the params don't fit answers or a margin has no rival.
        """
        require_own_target(self._params)
        with answering(answerer, answered) as given:
            found = explain_answers(answerer.model, given, self._params)
        return Explanation(found[0].float(), gaps=found[1].float(), differences=found[2].float())


def make_integrated_gradients(
    params: IntegratedGradientsParams, context: Context
) -> IntegratedGradientsExplainer:
    """Make the attribution; it runs where the model runs."""
    return IntegratedGradientsExplainer(params)


def explain_answers(
    model: TextModel, answered: Answered, params: IntegratedGradientsParams
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return relevance (B, rows, cols), gaps and differences (B,) of B answers.

    What ``explain_batch`` does of class scores, of the number that ``score_answers`` gives.
    """

    def scores(points: torch.Tensor) -> torch.Tensor:
        return score_answers(model, replace(answered, images=points), params.score)

    by_pixel, baselines = _integrate(scores, answered.images, model, params)
    with torch.no_grad():
        differences = scores(answered.images) - scores(baselines)
    gaps = (by_pixel.sum(dim=(1, 2)) - differences).abs()
    return pool_to_grid(by_pixel.abs(), model.grid), gaps, differences


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

    by_pixel, baselines = _integrate(scores, images, classifier.model, params, targets)
    with torch.no_grad():
        differences = class_scores(logits, targets, params.score) - scores(baselines, targets)
    gaps = (by_pixel.sum(dim=(1, 2)) - differences).abs()
    relevance = pool_to_grid(by_pixel.abs(), classifier.model.grid)
    return relevance, logits, gaps, differences


def _integrate(
    scores: Callable[..., torch.Tensor],
    images: torch.Tensor,
    model: Model | TextModel,
    params: IntegratedGradientsParams,
    more: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return attributions summed over the channels, (B, H, W), and baselines like ``images``."""
    baselines = baseline_images(images, model, params.baseline)
    attributed: torch.Tensor = IntegratedGradients(scores).attribute(
        images.detach().requires_grad_(),
        baselines=baselines,
        method=_METHODS[params.nodes],
        additional_forward_args=more,
        n_steps=params.steps,
        # One point of the path after the other: no more memory than for a single backward pass.
        internal_batch_size=len(images),
    )
    return attributed.detach().sum(dim=1), baselines


def baseline_images(
    images: torch.Tensor, model: Model | TextModel, baseline: Literal["black", "mean"]
) -> torch.Tensor:
    """Return where the path starts, shaped like ``images`` (B, 3, H, W), after normalisation."""
    if baseline == "mean":
        return torch.zeros_like(images)
    mean, std = (images.new_tensor(values) for values in (model.card.mean, model.card.std))
    return (-mean / std)[:, None, None].expand_as(images)
