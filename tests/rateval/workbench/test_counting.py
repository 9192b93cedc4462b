"""Metrics that know nothing of unknown evidence, and what it leaves open."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from rateval.api.protocols import Metric
from rateval.api.values import Outcomes, Score
from rateval.tasks.classification import Classification
from rateval.workbench.counting import Counting
from rateval_rationality.metrics import (
    Accuracy,
    InferenceReliability,
    PredictionTrustworthiness,
)

RIGHT = np.array([True, True, True, False, False, True, False, False])
SOUND = np.array([True, False, True, True, False, False, False, False])
KNOWN = np.array([True, True, True, True, True, False, False, False])
OUTCOMES = Outcomes(RIGHT, SOUND, KNOWN)


class ValidShare:
    """Written before there was unknown evidence."""

    label = "valid"

    def compute(self, outcomes: Outcomes) -> Score:
        return Score.share(int(outcomes.valid.sum()), len(outcomes.valid))


class OldAccuracy:
    """Likewise: it takes the quadrants for all there is."""

    label = "acc"

    def compute(self, outcomes: Outcomes) -> Score:
        found = outcomes.quadrants()
        return Score.share(found["RR"] + found["RW"], sum(found.values()))


def counting(metric: Metric) -> Counting:
    return Counting(Classification(2), "any", metric)


def test_a_metric_need_not_ask_what_is_known() -> None:
    assert counting(ValidShare()).count(OUTCOMES) == Score.share(3, 5)
    assert counting(OldAccuracy()).count(OUTCOMES) == Score.share(4, 8)
    assert counting(Accuracy()).count(OUTCOMES) == Score.share(4, 8)


@pytest.mark.parametrize("metric", [PredictionTrustworthiness(), InferenceReliability()])
def test_bounds_hold_whatever_the_unknown_evidence_is(metric: Metric) -> None:
    supposed = counting(metric).try_unknown(OUTCOMES)
    assert supposed is not None
    found = []
    for guess in product([False, True], repeat=3):
        sound = SOUND.copy()
        sound[5:] = guess
        found.append(metric.compute(Outcomes(RIGHT, sound)).value)
    values = [score.value for score in supposed]
    assert (values[0], values[-1]) == (found[0], found[-1])
    assert min(v for v in values if v is not None) == min(v for v in found if v is not None)
    assert max(v for v in values if v is not None) == max(v for v in found if v is not None)


def test_nothing_is_open_where_all_is_known_or_nothing_is_asked() -> None:
    assert counting(Accuracy()).try_unknown(OUTCOMES) is None
    assert counting(PredictionTrustworthiness()).try_unknown(Outcomes(RIGHT, SOUND)) is None
