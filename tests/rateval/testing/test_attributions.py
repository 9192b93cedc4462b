from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from rateval.api import Classifier, Explanation
from rateval.testing import ConformanceError, check_attribution, tiny_classifier


class LastAttention:
    """The class token's last attention, weighted by the gradient; keeps every promise."""

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        model = classifier.model
        with torch.enable_grad(), model.record_attention([model.depth - 1]) as record:
            logits = classifier.logits(images)
            score = logits.gather(1, labels[:, None]).sum()
            (attention,) = record.values()
            (gradient,) = torch.autograd.grad(score, attention)
        used = (gradient * attention).clamp(min=0).mean(1)[:, 0, model.prefix_tokens :]
        relevance = used.reshape(len(images), *model.grid)
        return Explanation(relevance.detach(), logits.detach())


class Changed(LastAttention):
    """An attribution whose maps are changed on the way out."""

    def __init__(self, relevance: Any = None, logits: Any = None) -> None:
        self.relevance = relevance or (lambda maps: maps)
        self.logits = logits or (lambda scores: scores)

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        found = super().explain(classifier, images, labels, ids)
        return Explanation(self.relevance(found.relevance), self.logits(found.logits))


class Bare(LastAttention):
    def explain(self, *arguments: Any) -> Any:
        return super().explain(*arguments).relevance


class WithoutIds(LastAttention):
    """A study always gives the samples' ids."""

    def explain(  # type: ignore[override]
        self, classifier: Classifier, images: torch.Tensor, labels: torch.Tensor
    ) -> Explanation:
        return super().explain(classifier, images, labels)


class ByBatch(LastAttention):
    """It looks up every map by the id of the batch's first image."""

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        found = super().explain(classifier, images, labels, ids)
        assert ids is not None
        return Explanation(found.relevance * (1 + int(ids[0])))


class Accumulating(LastAttention):
    """It trains the weights' gradients along."""

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        classifier.model.module.requires_grad_(True)
        classifier.logits(images).sum().backward()  # type: ignore[no-untyped-call]
        classifier.model.module.requires_grad_(False)
        return super().explain(classifier, images, labels, ids)


class Unfreezing(LastAttention):
    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        classifier.model.module.requires_grad_(True)
        return super().explain(classifier, images, labels, ids)


class Marking(LastAttention):
    """It asks the caller's own tensor for a gradient."""

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        images.requires_grad_()
        return super().explain(classifier, images, labels, ids)


class Damaging(LastAttention):
    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        found = super().explain(classifier, images, labels, ids)
        with torch.no_grad():
            next(classifier.model.image_tower.parameters()).add_(0.1)
        return found


class Staying(LastAttention):
    """It leaves the model changed where no weight shows it."""

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        found = super().explain(classifier, images, labels, ids)
        for part in classifier.model.module.modules():
            if isinstance(part, torch.nn.LayerNorm):
                part.eps = 0.1
        return found


def test_a_sound_attribution_passes() -> None:
    check_attribution(LastAttention())
    check_attribution(LastAttention(), tiny_classifier(5, seed=2), torch.randn(3, 3, 24, 32))
    check_attribution(Changed(logits=lambda scores: None))


@pytest.mark.parametrize(
    ("attribution", "message"),
    [
        (object(), "Attribution: object must offer explain"),
        (Bare(), "Attribution.explain must return an Explanation"),
        (WithoutIds(), r"must be callable as \(classifier, images, labels, ids\); got explain\("),
        (ByBatch(), "map that depends on that image alone"),
        (
            Changed(lambda maps: maps.transpose(1, 2)),
            r"must be \(B, rows, cols\) float32, here \(4, 3, 4\); got \(4, 4, 3\) float32",
        ),
        (Changed(lambda maps: maps.double()), r"got \(4, 3, 4\) float64"),
        (Changed(lambda maps: maps / 0), "Explanation.relevance must be finite; got 48 that"),
        (Changed(lambda maps: maps - 1), "Explanation.relevance must not be negative; got -"),
        (Changed(lambda maps: maps.requires_grad_()), "Explanation must be detached"),
        (Changed(logits=lambda scores: scores + 1), "must give the classifier's logits or None"),
        (Changed(lambda maps: maps / maps.sum()), "map that depends on that image alone"),
        (Accumulating(), "must leave no gradient on weights; got one on image"),
        (Unfreezing(), "must leave requires_grad of .* False; got True"),
        (Marking(), "must leave the images as they are"),
        (Damaging(), "must change no weight; got a change of image"),
        (Staying(), "must leave the classifier as it was; got other logits"),
    ],
)
def test_a_broken_attribution_is_named(attribution: Any, message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_attribution(attribution)
