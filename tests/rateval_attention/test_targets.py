"""Which class is explained."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError

import rateval
from rateval.api import RatevalError
from rateval.testing import tiny_classifier
from rateval_attention.params import GenericAttentionParams
from rateval_attention.targets import choose_targets

LOGITS = torch.tensor([[1.0, 5.0, 3.0], [2.0, 2.0, 0.0], [-1.0, -3.0, -2.0]])
LABELS = torch.tensor([1, 0, 2])


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("label", [1, 0, 2]),
        ("prediction", [1, 0, 0]),
        ("runner-up", [2, 1, 2]),
        (0, [0, 0, 0]),
        (2, [2, 2, 2]),
    ],
)
def test_chosen_classes(target: Any, expected: list[int]) -> None:
    assert choose_targets(LOGITS, LABELS, target).tolist() == expected


@pytest.mark.parametrize("target", ["runner-up", "prediction", 0, 1, 2])
def test_a_target_is_explained_as_if_it_were_the_label(target: Any) -> None:
    images = torch.randn(6, 3, 24, 32, generator=torch.Generator().manual_seed(3))
    classifier = tiny_classifier(seed=2)
    with torch.no_grad():
        ranked = classifier.logits(images).argsort(dim=1, descending=True)
    places = {"prediction": 0, "runner-up": 1}
    chosen = ranked[:, places[target]] if target in places else torch.full((6,), target)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    found = rateval.create("attribution", "generic-attention", target=target)
    expected = rateval.create("attribution", "generic-attention").explain(
        classifier, images, chosen
    )
    assert torch.equal(found.explain(classifier, images, labels).relevance, expected.relevance)


@pytest.mark.parametrize("name", ["generic-attention", "integrated-gradients"])
def test_a_class_that_is_not_there(name: str) -> None:
    images, labels = torch.zeros(1, 3, 24, 32), torch.tensor([0])
    attribution = rateval.create("attribution", name, target=3)
    with pytest.raises(RatevalError, match=r"target = 3: .* 3 classes; give an index from 0 to 2"):
        attribution.explain(tiny_classifier(classes=3), images, labels)


def test_one_class_has_no_runner_up() -> None:
    with pytest.raises(RatevalError, match="has one class, so that none comes second"):
        choose_targets(LOGITS[:, :1], LABELS, "runner-up")


@pytest.mark.parametrize("target", ["labels", "1", -1, 1.0, True, None, [0]])
def test_targets_that_mean_nothing(target: Any) -> None:
    with pytest.raises(ValidationError, match="names no target; give") as caught:
        GenericAttentionParams(target=target)
    assert caught.value.error_count() == 1


def test_what_the_user_reads() -> None:
    with pytest.raises(RatevalError, match="target: 'best' names no target; give \"label\""):
        rateval.create("attribution", "generic-attention", target="best")
    assert GenericAttentionParams(target=7).target == 7
