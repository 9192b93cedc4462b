"""Metrics and validator of causes, against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rateval.api import Context, Outcomes, PluginError, Score
from rateval_rationality.causes import (
    LooksRightIsNot,
    RightForTheObject,
    make_counterfactual,
)
from rateval_rationality.metrics import ValidRate
from rateval_rationality.params import CounterfactualParams


def outcomes(seed: int, *, causes: bool = True) -> Outcomes:
    drawn = np.random.default_rng(seed).random((5, 200)) < 0.6
    right, valid, known, causal, causal_known = drawn
    if not causes:
        return Outcomes(right, valid & known, known)
    causal_known = causal_known & known
    return Outcomes(right, valid & known, known, causal & causal_known, causal_known)


@pytest.mark.parametrize("seed", range(5))
def test_metrics_count_what_they_say(seed: int) -> None:
    given = outcomes(seed)
    assert given.causal is not None
    assert given.causal_known is not None
    for_object = looks = right_known = valid = known = 0
    for at in range(200):
        known += bool(given.known[at])
        valid += bool(given.known[at] and given.valid[at])
        if not given.correct[at]:
            continue
        for_object += bool(given.causal_known[at] and given.causal[at])
        if given.causal_known[at]:
            right_known += 1
            looks += bool(given.valid[at] and not given.causal[at])
    assert RightForTheObject().compute(given) == Score.share(for_object, 200)
    assert LooksRightIsNot().compute(given) == Score.share(looks, right_known)
    assert ValidRate().compute(given) == Score.share(valid, known)


def test_neither_accuracy_nor_what_is_known_can_be_shrunk_to_raise_it() -> None:
    right = np.array([True, True, True, False])
    causal = np.array([True, False, False, False])
    whole = RightForTheObject().compute(Outcomes(right, right, causal=causal)).value
    hidden = (
        RightForTheObject()
        .compute(Outcomes(right, right, causal=causal, causal_known=causal))
        .value
    )
    wrong = RightForTheObject().compute(Outcomes(right & causal, right, causal=causal)).value
    assert whole == hidden == wrong == 0.25


def test_outcomes_without_edits_are_refused() -> None:
    for metric in (RightForTheObject(), LooksRightIsNot()):
        with pytest.raises(PluginError, match="needs outcomes with predictions under edits"):
            metric.compute(outcomes(0, causes=False))


def test_the_validator_is_valid_where_the_cause_is_and_scores_the_gap() -> None:
    answers = {
        "causal": torch.tensor([True, False]),
        "gap": torch.tensor([0.9, -0.2]),
        "kept_on_object": torch.tensor([1.0, 0.0]),
        "kept_without_object": torch.tensor([False, True]),
    }
    verdict = make_counterfactual(CounterfactualParams(), Context()).judge(answers)
    assert verdict.valid.tolist() == [True, False]
    assert verdict.defined.all()
    assert verdict.score.tolist() == pytest.approx([0.9, -0.2])
