"""An answer of each family explained, end to end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from rateval.api import Context
from rateval.api.tasks.texts import Answered, Asked
from rateval.testing.half_precision import check_half_texts
from rateval_attention.answers.token_attention import make_token_attention
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.params import GenericAttentionParams, TokenAttentionParams
from rateval_finetune.methods.answer_evidence import AnswerEvidenceObjective
from rateval_finetune.params import EvidenceFtParams


class _Untuned:
    """A text model that needed no fine-tuning."""

    decision = None

    def __init__(self, model: Any) -> None:
        self.model = model

    def state(self) -> dict[str, torch.Tensor]:
        return {}


def _generic() -> Any:
    return make_generic_attention(GenericAttentionParams(), Context())


def _by_tokens() -> Any:
    return make_token_attention(TokenAttentionParams(), Context())


@pytest.mark.parametrize("make", [_generic, _by_tokens])
def test_an_answer_is_explained(
    case: Any, images: Any, questions: Any, answers: Any, make: Callable[[], Any]
) -> None:
    model = case.make()
    given = images(model)
    explainer = make()

    def explain(rows: slice) -> torch.Tensor:
        ids = tuple("abc"[rows])
        answered = Answered(given[rows], questions[rows], answers[rows], ids)
        found: torch.Tensor = explainer.explain_answers(_Untuned(model), answered).relevance
        return found

    whole = explain(slice(0, 3))
    assert whole.shape == (3, *model.grid)
    assert bool(whole.isfinite().all())
    assert bool((whole >= 0).all())
    assert bool((whole.sum(dim=(1, 2)) > 0).all())
    for row in range(3):
        alone = explain(slice(row, row + 1))[0]
        off = float((alone - whole[row]).abs().max())
        assert off <= 1e-4 * float(whole[row].max())


def test_each_family_runs_in_half_precision(
    case: Any, images: Any, questions: Any, answers: Any
) -> None:
    model = case.make()
    check_half_texts(model, images(model), questions, answers)


def test_relevance_of_each_family_can_be_trained_on(
    case: Any, images: Any, questions: Any, answers: Any
) -> None:
    model = case.make()
    given = images(model)
    model.module.requires_grad_(True)
    asked = [Asked(q, (a,)) for q, a in zip(questions, answers, strict=True)]
    masks = torch.zeros(3, *given.shape[2:], dtype=torch.bool)
    masks[:, : masks.shape[1] // 2] = True
    made = AnswerEvidenceObjective(model, EvidenceFtParams(layers="all"))
    weights, labels = torch.ones(3), torch.zeros(3, dtype=torch.int64)
    loss, _ = made(given, labels, weights, masks, asked)
    made.factor = 0.0
    likely, _ = made(given, labels, weights, masks, asked)
    penalty = loss - likely
    assert 0 < penalty.item() < 3
    slopes = torch.autograd.grad(penalty, list(model.module.parameters()), allow_unused=True)
    found = [slope for slope in slopes if slope is not None]
    assert all(bool(slope.isfinite().all()) for slope in found)
    assert any(bool(slope.any()) for slope in found)
