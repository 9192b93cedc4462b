"""Calibration and ranking ability against loops over all units and pairs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rateval.stats.confidence import calibration_error, ranking_ability


def draw(seed: int, n: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    confidence = np.round(rng.random(n), 2)  # with ties
    return confidence, rng.random(n) < 0.2 + 0.6 * confidence


def test_the_error_is_that_of_its_definition() -> None:
    confidence, correct = draw(1, 500)
    found = calibration_error(confidence, correct)
    assert found is not None
    expected = 0.0
    for at in range(15):
        low, high = at / 15, (at + 1) / 15
        inside = (confidence >= low) & ((confidence < high) | (at == 14))
        if inside.any():
            gap = abs(confidence[inside].mean() - correct[inside].mean())
            expected += inside.mean() * gap
    assert found.value == pytest.approx(expected, abs=1e-12)


def test_the_interval_covers_the_error_of_many_units() -> None:
    rng = np.random.default_rng(2)
    truth = calibration_error(*draw(3, 1_000_000))
    assert truth is not None
    hits = 0
    for _ in range(200):
        found = calibration_error(*draw(int(rng.integers(1 << 30)), 1000))
        assert found is not None
        hits += found.low <= truth.value <= found.high  # type: ignore[operator]  # it has an interval
    assert hits / 200 >= 0.9


def test_ranking_ability_counts_pairs_and_has_delongs_error() -> None:
    confidence, correct = draw(4, 120)
    found = ranking_ability(confidence, correct)
    assert found is not None
    right, wrong = confidence[correct], confidence[~correct]
    wins = np.array([[float(a > b) + 0.5 * (a == b) for b in wrong] for a in right])
    assert found.value == pytest.approx(wins.mean(), abs=1e-12)
    error = np.sqrt(
        wins.mean(axis=1).var(ddof=1) / len(right) + wins.mean(axis=0).var(ddof=1) / len(wrong)
    )
    logit = np.log(wins.mean() / (1 - wins.mean()))
    half = 1.959964 * error / (wins.mean() * (1 - wins.mean()))
    ends = [1 / (1 + np.exp(-end)) for end in (logit - half, logit + half)]
    assert (found.low, found.high) == pytest.approx(tuple(ends), abs=1e-6)


def test_what_is_undefined() -> None:
    nothing = np.empty(0)
    assert calibration_error(nothing, nothing.astype(bool)) is None
    assert ranking_ability(np.array([0.5]), np.array([True])) is None
    perfect = ranking_ability(np.array([0.9, 0.8, 0.1, 0.2]), np.array([True, True, False, False]))
    assert perfect is not None
    assert (perfect.value, perfect.low, perfect.high) == (1, None, None)


def test_full_confidence_is_in_the_last_bin() -> None:
    found = calibration_error(np.array([1.0, 1.0]), np.array([True, True]))
    assert found is not None
    assert (found.value, found.low, found.high) == (0, 0, 0)
