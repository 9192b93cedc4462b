"""The training of a linear head, alone or with the image tower."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from rateval.api import Classifier, Logbook, Model, Split
from rateval_finetune.methods.answers import restore_answers
from rateval_finetune.methods.method import Method, P
from rateval_finetune.methods.untuned import answers
from rateval_finetune.params import TrainingParams
from rateval_finetune.training.features import compute_features
from rateval_finetune.training.linear_head import (
    HeadClassifier,
    count_features,
    new_head,
    restore_head,
)
from rateval_finetune.training.modes import freeze, train_only
from rateval_finetune.training.objectives import FeatureObjective, HeadObjective
from rateval_finetune.training.optimizers import Group
from rateval_finetune.training.randomness import make_generator
from rateval_finetune.training.sources import Source, SplitSource, first_batch


class HeadMethod(Method[P]):
    """A method whose classifier is a head on the model's features and an image tower."""

    def restore(
        self, model: Model, classes: Sequence[str], state: dict[str, torch.Tensor]
    ) -> Classifier:
        """Load head and image tower. Raises RatevalError when ``state`` does not fit them."""
        if answers(model):
            return self.finish(restore_answers(model, state))
        return self.finish(restore_head(model, classes, state, self.device, self.dtype))


class ProbeTask:
    """The training of a head on frozen features."""

    def __init__(self, classifier: HeadClassifier, lr: float, *, cached: bool) -> None:
        """Train ``classifier``'s head; ``cached`` features come in place of images."""
        self._classifier = classifier
        classifier.head.requires_grad_(True)
        self.objective: torch.nn.Module = (
            FeatureObjective(classifier) if cached else HeadObjective(classifier)
        )
        self.groups = [Group("lr", tuple(classifier.head.parameters()), lr)]

    def train_mode(self) -> None:
        """Leave the image tower in eval mode."""
        self._classifier.model.module.eval()

    def classifier(self) -> Classifier:
        """Return the classifier as it is."""
        return self._classifier

    def at_step(self, step: int, steps: int) -> None:
        """Do nothing: nothing changes from step to step."""


class HeadTask:
    """The training of a head and the image tower."""

    def __init__(
        self,
        classifier: HeadClassifier,
        objective: torch.nn.Module,
        lr: float,
        head_lr: float | None,
        weights: Sequence[torch.nn.Parameter] | None = None,
    ) -> None:
        """Train the head and the image tower, or ``weights`` in the place of the tower's own."""
        model = classifier.model
        if weights is None:
            train_only(model, model.image_tower)
            weights = tuple(model.image_tower.parameters())
        classifier.head.requires_grad_(True)
        self._classifier = classifier
        self.objective = objective
        self.groups = [
            Group("lr", tuple(weights), lr),
            Group("head_lr", tuple(classifier.head.parameters()), head_lr or lr),
        ]

    def train_mode(self) -> None:
        """Leave all but the image tower in eval mode."""
        self._classifier.model.module.eval()
        self._classifier.model.image_tower.train()

    def classifier(self) -> Classifier:
        """Return the classifier as it is, in eval mode."""
        self._classifier.model.module.eval()
        return self._classifier

    def at_step(self, step: int, steps: int) -> None:
        """Do nothing: nothing changes from step to step."""


def make_head(
    method: Method[Any], model: Model, split: Split, classes: Sequence[str]
) -> torch.nn.Linear:
    """Make a head with random first weights that fits the model's features."""
    images = first_batch(split, model).images.to(device=method.device, dtype=method.dtype)
    width = count_features(model.features, images)
    generator = make_generator(method.seed, "head")
    return new_head(width, len(classes), generator, method.device, method.dtype)


def probe(
    method: Method[Any],
    classifier: HeadClassifier,
    split: Split,
    params: TrainingParams,
    logbook: Logbook,
    *,
    keep: bool,
) -> None:
    """Train the head alone; without augmentation, the features are computed once."""
    model = classifier.model
    freeze(model)
    cached = _sees_equal_images(params)
    source: Source = SplitSource(split, model, params, method.seed, readers=method.readers)
    filler = first_batch(split, model, masks=params.background_swap > 0)
    if cached:
        source = compute_features(
            classifier, split, params, method.device, logbook, readers=method.readers
        )
        filler = replace(filler, images=classifier.inputs(filler.images.to(method.device)))
    task = ProbeTask(classifier, params.lr, cached=cached)
    method.descend(task, source, filler, params, logbook, keep=keep)


def probe_samples(params: TrainingParams, split: Split) -> int:
    """Return how many samples ``probe`` sees: once more than its epochs for cached features."""
    return len(split) * (params.epochs + _sees_equal_images(params))


def _sees_equal_images(params: TrainingParams) -> bool:
    """Return whether every epoch sees the same images, whose features can then be kept."""
    return params.augment == "none" and not params.background_swap
