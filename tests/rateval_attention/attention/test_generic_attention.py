"""What generic-attention promises besides its numbers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from rateval.api import (
    Attribution,
    Classifier,
    Context,
    Explanation,
    Model,
    PluginError,
    RatevalError,
)
from rateval_attention.attention.generic import explain_batch, make_generic_attention
from rateval_attention.params import GenericAttentionParams
from rateval_clip.model import Clip

Cosine = Callable[[Model, torch.Tensor], Classifier]
Linear = Callable[[Model, torch.Tensor, torch.Tensor], Classifier]


@pytest.fixture
def classifier(model: Clip, cosine: Cosine, classes: torch.Tensor) -> Classifier:
    return cosine(model, classes)


def _explain(
    classifier: Classifier, images: torch.Tensor, labels: torch.Tensor, **params: Any
) -> Explanation:
    attribution: Attribution = make_generic_attention(GenericAttentionParams(**params), Context())
    return attribution.explain(classifier, images, labels)


def test_what_it_returns(
    classifier: Classifier, images: torch.Tensor, labels: torch.Tensor
) -> None:
    explanation = _explain(classifier, images, labels)
    assert explanation.relevance.shape == (5, 3, 4)
    assert explanation.relevance.dtype == torch.float32
    assert bool((explanation.relevance >= 0).all() & explanation.relevance.isfinite().all())
    assert explanation.logits is not None
    assert not explanation.relevance.requires_grad
    assert not explanation.logits.requires_grad
    with torch.no_grad():
        plain = classifier.logits(images)
    torch.testing.assert_close(explanation.logits, plain, atol=1e-5, rtol=0)


@pytest.mark.parametrize("layers", ["all", "last"])
def test_a_map_depends_on_its_image_alone(
    classifier: Classifier, images: torch.Tensor, labels: torch.Tensor, layers: str
) -> None:
    whole = _explain(classifier, images, labels, layers=layers).relevance
    peak = float(whole.max())
    for split in (1, 2, 3):
        parts = [
            _explain(classifier, images[at : at + split], labels[at : at + split], layers=layers)
            for at in range(0, 5, split)
        ]
        joined = torch.cat([part.relevance for part in parts])
        torch.testing.assert_close(joined, whole, atol=1e-5 * peak, rtol=0)
    order = torch.tensor([4, 2, 0, 3, 1])
    shuffled = _explain(classifier, images[order], labels[order], layers=layers).relevance
    torch.testing.assert_close(shuffled, whole[order], atol=1e-5 * peak, rtol=0)


@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize("surroundings", [nullcontext, torch.no_grad, torch.inference_mode])
def test_weights_and_surroundings_make_no_difference(
    classifier: Classifier,
    images: torch.Tensor,
    labels: torch.Tensor,
    trainable: bool,
    surroundings: Callable[[], AbstractContextManager[None]],
) -> None:
    expected = _explain(classifier, images, labels)
    module = classifier.model.module
    weights = dict(module.named_parameters())
    for name, weight in weights.items():
        weight.requires_grad_(trainable and "resblocks.0" not in name)
    flags = {name: weight.requires_grad for name, weight in weights.items()}
    with surroundings():
        found = _explain(classifier, images.clone(), labels.clone())
    assert expected.logits is not None
    assert found.logits is not None
    torch.testing.assert_close(found.relevance, expected.relevance, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-5, rtol=0)
    assert {name: weight.requires_grad for name, weight in weights.items()} == flags
    assert all(weight.grad is None for weight in weights.values())


def test_the_graph_starts_at_the_first_layer_that_is_explained(
    classifier: Classifier, images: torch.Tensor, labels: torch.Tensor
) -> None:
    def saved_tensors(layers: str, trainable: bool) -> int:
        classifier.model.module.requires_grad_(trainable)
        saved = 0

        def count(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal saved
            saved += 1
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            _explain(classifier, images, labels, layers=layers)
        return saved

    assert saved_tensors("last", trainable=True) == saved_tensors("last", trainable=False)
    assert 0 < saved_tensors("last", trainable=True) < saved_tensors("all", trainable=True) / 2


def test_a_trainable_head_gets_no_gradient(
    model: Clip, linear: Linear, images: torch.Tensor, labels: torch.Tensor
) -> None:
    head = torch.nn.Linear(12, 6)
    _explain(linear(model, head.weight, head.bias), images, labels)
    assert head.weight.grad is None
    assert head.weight.requires_grad


def test_the_flags_come_back_after_an_error(
    classifier: Classifier, images: torch.Tensor, labels: torch.Tensor
) -> None:
    with pytest.raises(RuntimeError):
        _explain(classifier, images[..., :7], labels)
    assert all(weight.requires_grad for weight in classifier.model.module.parameters())


def test_relevance_is_differentiable_on_demand(
    classifier: Classifier, images: torch.Tensor, labels: torch.Tensor
) -> None:
    params = GenericAttentionParams()
    relevance, _ = explain_batch(classifier, images, labels, params)
    tower: Any = classifier.model.image_tower
    (slope,) = torch.autograd.grad(relevance.sum(), tower.proj)
    step = 1e-3 * slope / slope.norm()
    with torch.no_grad():
        tower.proj.add_(step)
    moved = _explain(classifier, images, labels).relevance.sum() - relevance.detach().sum()
    assert float(moved) == pytest.approx(float((slope * step).sum()), rel=0.05)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (4, "layers = 4: the model has 3 vision layers; give a number up to 3"),
        ([0, 3, 7], "no layer 3, 7; give indices from 0 to 2"),
    ],
)
def test_layers_the_model_does_not_have(
    classifier: Classifier,
    images: torch.Tensor,
    labels: torch.Tensor,
    layers: Any,
    message: str,
) -> None:
    with pytest.raises(RatevalError, match=message):
        _explain(classifier, images, labels, layers=layers)


def test_a_classifier_that_hides_its_gradient(
    model: Clip, linear: Linear, images: torch.Tensor, labels: torch.Tensor
) -> None:
    class Detached:
        def __init__(self) -> None:
            self.model = model

        @torch.no_grad()
        def logits(self, images: torch.Tensor) -> torch.Tensor:
            return model.features(images)

        decision = None

        def state(self) -> dict[str, torch.Tensor]:
            return {}

    with pytest.raises(PluginError, match="Detached on Clip: the logits are not computed from"):
        _explain(Detached(), images, labels)


@pytest.mark.parametrize("layers", [0, -1, True, 1.5, "first", [], [0, 0], [-1], [True], None])
def test_layers_that_mean_nothing(layers: Any) -> None:
    with pytest.raises(ValidationError, match="names no layers") as caught:
        GenericAttentionParams(layers=layers)
    assert caught.value.error_count() == 1


def test_params_are_described_and_hashable() -> None:
    assert all(field.description for field in GenericAttentionParams.model_fields.values())
    assert GenericAttentionParams(layers=[0, 2]).layers == (0, 2)
    hash(GenericAttentionParams(layers=[0, 2]))
