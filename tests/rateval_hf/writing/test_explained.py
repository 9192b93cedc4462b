"""An answer of each family explained, end to end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from rateval.api import Context
from rateval.api.tasks.texts import Answered
from rateval.testing.half_precision import check_half_texts
from rateval_attention.answers.token_attention import make_token_attention
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.params import GenericAttentionParams, TokenAttentionParams


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
