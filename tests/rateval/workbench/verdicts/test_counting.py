"""Metrics that know nothing of unknown evidence, and what it leaves open."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from rateval.api.protocols import Metric
from rateval.api.values import Outcomes, Score
from rateval.workbench.verdicts.counting import STATES, Counting, number_states
from rateval_rationality.causes import LooksRightIsNot, RightForTheObject
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
    return Counting("any", metric)


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


CAUSAL = np.array([True, False, False, True, False, False, False, False])
CAUSAL_KNOWN = np.array([True, True, True, True, False, False, False, False])
EDITED = Outcomes(RIGHT, SOUND, KNOWN, CAUSAL, CAUSAL_KNOWN)


class Peeking:
    """A metric that looks at causes without having said so."""

    label = "peeking"

    def compute(self, outcomes: Outcomes) -> Score:
        return Score.share(0 if outcomes.causal is None else 1, 1)


def edited(metric: Metric) -> Counting:
    return Counting("any", metric, edits=True)


def test_causes_are_given_to_those_alone_that_need_them() -> None:
    assert counting(Peeking()).count(EDITED) == Score.share(0, 1)
    assert edited(Peeking()).count(EDITED) == Score.share(1, 1)


def test_a_metric_of_causes_is_a_sum_over_states() -> None:
    states = number_states(EDITED)
    assert states.max() < STATES
    for metric in (RightForTheObject(), LooksRightIsNot()):
        table = edited(metric).count_states(EDITED)
        assert table is not None
        whole = edited(metric).count(EDITED)
        assert table[states].sum(axis=0).tolist() == [whole.numerator, whole.denominator]
        assert edited(metric).count_states(OUTCOMES) is None
    for other in (Accuracy(), PredictionTrustworthiness()):
        fine, coarse = counting(other).count_states(EDITED), counting(other).count_states(OUTCOMES)
        assert fine is not None
        assert coarse is not None
        assert np.array_equal(fine[states], coarse[number_states(OUTCOMES)])


def test_bounds_of_a_metric_of_causes_hold_whatever_is_unknown() -> None:
    supposed = edited(LooksRightIsNot()).try_unknown(EDITED)
    assert supposed is not None
    found = []
    for sound_guess, cause_guess in product(product([False, True], repeat=3), repeat=2):
        sound, causal, known = SOUND.copy(), CAUSAL.copy(), CAUSAL_KNOWN.copy()
        sound[5:], causal[5:], known[5:] = sound_guess, cause_guess, True
        whole = Outcomes(RIGHT, sound, causal=causal, causal_known=known)
        found.append(LooksRightIsNot().compute(whole).value)
    values = [score.value for score in supposed if score.value is not None]
    there = [value for value in found if value is not None]
    assert (min(values), max(values)) == (min(there), max(there))
    # It speaks of all images, and asks no evidence: nothing is left open.
    assert edited(RightForTheObject()).try_unknown(EDITED) is None
    assert edited(RightForTheObject()).count(EDITED) == Score.share(1, 8)
