"""Attributions from one pass equal each alone, whatever of the plan is wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from rateval.api import Attribution, Classifier, Context, Explanation, RatevalError
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.attention.grad_cam import make_grad_cam
from rateval_attention.attention.raw_attention import make_raw_attention
from rateval_attention.attention.rollout import make_attention_rollout
from rateval_attention.attention.shared import AttentionExplainer
from rateval_attention.params import (
    AttentionRolloutParams,
    GenericAttentionParams,
    GradCamParams,
    RawAttentionParams,
)
from rateval_clip.model import Clip

CONTEXT = Context()


def generic(**params: Any) -> AttentionExplainer:
    return make_generic_attention(GenericAttentionParams(**params), CONTEXT)


ALL = {
    "raw all": generic(),
    "margin last": generic(score="margin", layers="last"),
    "grad-cam": make_grad_cam(GradCamParams(), CONTEXT),
    "raw last": generic(layers="last"),
    "margin all": generic(score="margin"),
    "runner-up": generic(target="runner-up", layers=[0, 2]),
    "rollout": make_attention_rollout(AttentionRolloutParams(), CONTEXT),
    "raw attention": make_raw_attention(RawAttentionParams(), CONTEXT),
}
NAMES = list(ALL)


@pytest.fixture
def given(
    model: Clip,
    classes: torch.Tensor,
    images: torch.Tensor,
    labels: torch.Tensor,
    cosine: Callable[[Any, torch.Tensor], Classifier],
) -> tuple[Classifier, torch.Tensor, torch.Tensor]:
    return cosine(model, classes), images, labels


def together(
    planned: Sequence[Attribution], wanted: Sequence[int], given: Any
) -> list[Explanation]:
    found = ALL["raw all"].explain_together(planned, wanted, *given)
    assert len(found) == len(wanted)
    return found


def test_each_is_what_it_is_alone(given: Any) -> None:
    found = together(list(ALL.values()), range(len(ALL)), given)
    for name, explanation in zip(NAMES, found, strict=True):
        alone = ALL[name].explain(*given)
        assert alone.logits is not None and explanation.logits is not None
        for one, other in (
            (explanation.relevance, alone.relevance),
            (explanation.logits, alone.logits),
        ):
            assert (one - other).abs().max() <= 1e-5 * other.abs().max(), name
            assert not one.requires_grad


@pytest.mark.parametrize("names", [("raw all", "margin all"), ("margin last", "raw last")])
def test_what_records_the_same_layers_is_equal_to_the_bit(
    given: Any, names: tuple[str, str]
) -> None:
    planned = [ALL[name] for name in names]
    for explanation, one in zip(together(planned, (0, 1), given), planned, strict=True):
        alone = one.explain(*given)
        assert explanation.relevance.equal(alone.relevance)
        assert alone.logits is not None and explanation.logits is not None
        assert explanation.logits.equal(alone.logits)


@pytest.mark.parametrize("wanted", [*((at,) for at in range(8)), (1, 3), (4, 0), (6, 7, 2)])
def test_what_is_wanted_does_not_tell_in_the_bits(given: Any, wanted: tuple[int, ...]) -> None:
    planned = list(ALL.values())
    whole = together(planned, range(len(planned)), given)
    for at, explanation in zip(wanted, together(planned, wanted, given), strict=True):
        assert explanation.relevance.equal(whole[at].relevance)
        assert explanation.logits is not None and whole[0].logits is not None
        assert explanation.logits.equal(whole[0].logits)


def test_one_forward_pass_and_a_gradient_for_each_score(
    given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes, gradients = 0, list[tuple[int, bool | None]]()
    classifier, grad = given[0], torch.autograd.grad
    logits = classifier.logits

    def counted(images: torch.Tensor) -> torch.Tensor:
        nonlocal passes
        passes += 1
        result: torch.Tensor = logits(images)
        return result

    def watched(outputs: Any, inputs: Any, **more: Any) -> Any:
        gradients.append((len(inputs), more.get("retain_graph")))
        return grad(outputs, inputs, **more)

    monkeypatch.setattr(classifier, "logits", counted)
    monkeypatch.setattr(torch.autograd, "grad", watched)
    together(list(ALL.values()), range(len(ALL)), given)
    assert passes == 1
    assert gradients == [(3, True), (3, True), (2, False)]  # the graph goes with the last


def test_one_that_the_model_cannot_give_raises_where_it_is_wanted(given: Any) -> None:
    broken = generic(layers=7)
    planned = [broken, ALL["raw last"]]
    (found,) = together(planned, (1,), given)
    assert found.relevance.equal(ALL["raw last"].explain(*given).relevance)
    with pytest.raises(RatevalError, match="layers = 7"):
        together(planned, (0, 1), given)
    assert all(weight.requires_grad for weight in given[0].model.module.parameters())


def test_attention_alone_keeps_no_graph(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = [ALL["rollout"], ALL["raw attention"]]
    seen: list[bool] = []
    logits = given[0].logits

    def watched(images: torch.Tensor) -> torch.Tensor:
        seen.append(torch.is_grad_enabled())
        result: torch.Tensor = logits(images)
        return result

    monkeypatch.setattr(given[0], "logits", watched)
    for explanation, one in zip(together(planned, (0, 1), given), planned, strict=True):
        alone = one.explain(*given).relevance
        assert (explanation.relevance - alone).abs().max() <= 1e-5 * alone.abs().max()
    assert not any(seen)
