"""Soft scores equal sums written out, and hard ones where answers are right or wrong."""

from __future__ import annotations

import numpy as np
import pytest

from rateval.api.values import Outcomes
from rateval.facade import create
from rateval.scoring.answers.soft import estimate_soft
from rateval.stats.softened import soften
from rateval.workbench.verdicts.counting import Counting, number_states

RANDOM = np.random.default_rng(3)
SOFT = RANDOM.choice([0, 0.3, 0.6, 0.9, 1], size=200)
VALID = RANDOM.random(200) < 0.5
KNOWN = RANDOM.random(200) < 0.9
OUTCOMES = Outcomes(SOFT >= 0.3, VALID & KNOWN, KNOWN)


def ratio(name: str, soft: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float]:
    table = Counting(name, create("metric", name)).count_states(OUTCOMES.both_ways())
    assert table is not None
    found = soften(table, number_states(OUTCOMES), soft)
    return found.above, found.below


def test_sums_are_those_of_the_formulas() -> None:
    s, v, k = SOFT, (VALID & KNOWN).astype(float), KNOWN.astype(float)
    assert ratio("accuracy", SOFT) == pytest.approx((s.sum(), len(s)))
    assert ratio("pt", SOFT) == pytest.approx(((s * v).sum(), (s * k).sum()))
    assert ratio("ir", SOFT) == pytest.approx(((s * v).sum(), v.sum()))


@pytest.mark.parametrize("name", ["accuracy", "pt", "ir"])
def test_right_or_wrong_answers_leave_the_hard_score(name: str) -> None:
    score = Counting(name, create("metric", name)).count(OUTCOMES)
    hard = OUTCOMES.correct.astype(float)
    assert ratio(name, hard) == (score.numerator, score.denominator)


def test_intervals_cover_means_of_clusters() -> None:
    """Of 400 draws of 60 images with 3 questions each, the interval holds PT's true value."""
    random, held = np.random.default_rng(0), 0
    table = np.zeros((32, 2))
    table[[7, 5]] = (1, 1), (0, 1)
    for _ in range(400):
        image = np.repeat(np.arange(60), 3)
        ease = np.repeat(random.random(60), 3)
        soft = np.where(random.random(180) < ease, random.choice([0.6, 1.0], 180), 0.0)
        valid = random.random(180) < np.repeat(random.choice([0.3, 0.7], 60), 3)
        states = (4 + 2 * valid + (soft > 0)).astype(np.uint8)
        found = estimate_soft(soften(table, states, soft), image, 0.95)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.5 <= found.high
    assert 0.92 <= held / 400 <= 0.99
