from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from rateval.api.protocols import Metric
from rateval.api.values import Outcomes, Score
from rateval.errors import PluginError
from rateval.stages.score import score
from rateval.stats.wilson import wilson_interval
from rateval.tasks.classification import OneOf
from rateval.workbench.verdicts.counting import Counting

TASK = OneOf(2)


@given(st.integers(0, 400), st.integers(1, 400))
def test_the_interval_solves_wilsons_equation(numerator: int, denominator: int) -> None:
    numerator = min(numerator, denominator)
    low, high = wilson_interval(numerator, denominator)
    assert low is not None
    assert high is not None
    share = numerator / denominator
    assert 0 <= low <= share <= high <= 1
    for end in (low, high):
        if 0 < end < 1:  # the ends are where the share lies z standard errors away
            error = math.sqrt(end * (1 - end) / denominator)
            assert abs(share - end) == pytest.approx(1.959963984540054 * error, abs=1e-9)


def test_no_images_have_no_interval() -> None:
    assert wilson_interval(0, 0) == (None, None)


class Accuracy:
    label = "acc"

    def compute(self, outcomes: Outcomes) -> Score:
        return Score.share(int(outcomes.correct.sum()), len(outcomes.correct))


class Liar:
    label = "liar"

    def compute(self, outcomes: Outcomes) -> Score:
        return Score(float("nan"), 0, 0)


def outcomes(correct: list[bool]) -> Outcomes:
    return Outcomes(np.array(correct, dtype=bool), np.zeros(len(correct), dtype=bool))


def test_counts_are_those_of_the_metric() -> None:
    facts = score(Counting("a", Accuracy()), outcomes([True, True, False]))
    assert (facts.heading, facts.numerator, facts.denominator) == ("acc", 2, 3)
    nothing = score(Counting("a", Accuracy()), outcomes([]))
    assert (nothing.numerator, nothing.denominator) == (0, 0)


class ValidShare:
    label = "valid"

    def compute(self, outcomes: Outcomes) -> Score:
        return Score.share(int(outcomes.valid.sum()), len(outcomes.valid))


def test_without_masks_only_what_looks_at_no_evidence_has_a_value() -> None:
    metrics: dict[str, Metric] = {"a": Accuracy(), "v": ValidShare()}
    some = outcomes([True, False])
    none = Outcomes(some.correct, some.valid, np.array([False, False]))
    found = [
        (facts.numerator, facts.denominator)
        for given in (some, none)
        for facts in (score(Counting(label, metric), given) for label, metric in metrics.items())
    ]
    assert found == [(1, 2), (0, 2), (1, 2), (0, 0)]


def test_a_metric_that_returns_nan_is_named() -> None:
    with pytest.raises(PluginError, match='metric "a" returned'):
        score(Counting("a", Liar()), outcomes([]))
