"""Differences of shares against computations that share no line with them."""

from __future__ import annotations

from itertools import product
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from rateval.stats.difference import (
    Share,
    correlation,
    difference,
    join,
    one_sided,
    paired_difference,
    two_sided,
    z_touching,
)
from rateval.stats.ratio import Ratio

STATES = ("RR", "RW", "WR", "WW", "RU", "WU")
COUNTED = {
    "accuracy": ({"RR", "RW", "RU"}, set(STATES)),
    "PT": ({"RR"}, {"RR", "RW"}),
    "IR": ({"RR"}, {"RR", "WR"}),
}


def ratio(states: NDArray[np.int64], metric: str) -> Ratio:
    """Count a metric over units by the numbers of their states."""
    above, below = COUNTED[metric]
    return Ratio(
        np.array([float(STATES[state] in above) for state in states]),
        np.array([float(STATES[state] in below) for state in states]),
    )


def draw(seed: int, n: int, agree: float = 0.6) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw the states of n units by two methods that agree on some of them by design."""
    rng = np.random.default_rng(seed)
    first = rng.choice(6, n, p=[0.3, 0.2, 0.15, 0.15, 0.1, 0.1])
    other = rng.choice(6, n, p=[0.2, 0.3, 0.1, 0.2, 0.1, 0.1])
    return first, np.where(rng.random(n) < agree, first, other)


def covariance_by_cells(
    first: NDArray[np.int64], second: NDArray[np.int64], metric: str
) -> NDArray[np.float64]:
    """Return the (2, 2) covariance of two shares from the 36 cells of a multinomial, by slopes."""
    n = len(first)
    cells = np.zeros((6, 6))
    for one, other in zip(first, second, strict=True):
        cells[one, other] += 1 / n
    above, below = COUNTED[metric]

    def share(table: NDArray[np.float64], axis: int) -> float:
        states = table.sum(axis=axis)
        up = sum(states[i] for i, name in enumerate(STATES) if name in above)
        return float(up / sum(states[i] for i, name in enumerate(STATES) if name in below))

    slopes = np.zeros((2, 36))
    for at, (i, j) in enumerate(product(range(6), range(6))):
        for row, axis in enumerate((1, 0)):
            ends = []
            for step in (1e-6, -1e-6):
                moved = cells.copy()
                moved[i, j] += step
                ends.append(share(moved, axis))
            slopes[row, at] = (ends[0] - ends[1]) / 2e-6
    p = cells.ravel()
    found: NDArray[np.float64] = slopes @ (np.diag(p) - np.outer(p, p)) @ slopes.T / n
    return found


@pytest.mark.parametrize("metric", COUNTED)
@pytest.mark.parametrize("agree", [0.0, 0.6, 0.95])
def test_the_correlation_is_that_of_the_delta_method(metric: str, agree: float) -> None:
    states = draw(3, 400, agree)
    expected = covariance_by_cells(*states, metric)
    one, other = (ratio(found, metric) for found in states)
    shares = Share(one.above, one.below), Share(other.above, other.below)

    found = correlation(*shares, join(one, other))

    wanted = expected[0, 1] / sqrt(expected[0, 0] * expected[1, 1])
    assert found == pytest.approx(wanted, abs=1e-6)
    for share, variance in zip(shares, np.diag(expected), strict=True):
        assert share.value * (1 - share.value) / share.denominator == pytest.approx(variance)


@pytest.mark.parametrize("metric", COUNTED)
def test_the_influences_have_the_variance_of_the_delta_method(metric: str) -> None:
    states = draw(5, 300)
    expected = covariance_by_cells(*states, metric)
    pulls = np.stack([ratio(found, metric).influence() for found in states])

    assert pulls @ pulls.T / 300**2 == pytest.approx(expected, rel=1e-5)
    assert pulls.mean(axis=1) == pytest.approx(0, abs=1e-12)


def test_it_is_near_a_bootstrap_where_units_are_many() -> None:
    states = np.stack(draw(8, 4000))
    both = [ratio(found, "PT") for found in states]
    found = paired_difference(both[0], both[1])
    assert found is not None

    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(2000):
        chosen = rng.integers(0, 4000, 4000)
        one, other = (float(r.numerator[chosen].sum() / r.denominator[chosen].sum()) for r in both)
        drawn.append(one - other)
    low, high = np.quantile(drawn, [0.025, 0.975])

    assert (found.low, found.high) == pytest.approx((low, high), abs=0.004)
    # The pairing matters here: units apart would leave an interval a third wider.
    one_share, other_share = (Share(r.above, r.below) for r in both)
    apart = difference(one_share, other_share)
    assert apart.high - apart.low > 1.3 * (found.high - found.low)


def test_published_example_of_shares_apart() -> None:
    # Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10.
    found = difference(Share(56, 70), Share(48, 80))
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    found = difference(Share(10, 10), Share(0, 20))
    assert (found.low, found.high) == pytest.approx((0.6791, 1.0), abs=5e-5)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 60), st.sampled_from(sorted(COUNTED)))
def test_an_interval_holds_its_value_and_turns_with_the_order(
    seed: int, n: int, metric: str
) -> None:
    one, other = (ratio(found, metric) for found in draw(seed, n))
    found, turned = paired_difference(one, other), paired_difference(other, one)
    if found is None or turned is None:
        assert one.value is None or other.value is None
        return
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (turned.value, turned.low, turned.high) == pytest.approx(
        (-found.value, -found.high, -found.low)
    )
    assert found.p == pytest.approx(turned.p)
    assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 300))
def test_p_is_where_the_interval_touches_0(seed: int, n: int) -> None:
    one, other = (ratio(found, "PT") for found in draw(seed, n, 0.2))
    found = paired_difference(one, other)
    if found is None or not 1e-9 < found.p < 0.999:
        return
    at = paired_difference(one, other, level=1 - found.p)
    assert at is not None
    assert (at.low if found.value > 0 else at.high) == pytest.approx(0, abs=1e-6)


def test_the_same_answers_differ_by_nothing() -> None:
    one = ratio(draw(1, 100)[0], "PT")
    found = paired_difference(one, one)
    assert found is not None
    assert (found.value, found.p) == (0, 1)
    assert found.correlation == pytest.approx(1)
    assert (found.low, found.high) == pytest.approx((0, 0), abs=0.03)


def test_an_empty_denominator_is_no_difference() -> None:
    none = Ratio(np.zeros(5), np.zeros(5))
    some = Ratio(np.ones(5), np.ones(5))
    assert paired_difference(none, some) is None
    assert paired_difference(some, none) is None


def test_few_successes_are_told() -> None:
    one, other = Share(4, 100), Share(50, 100)
    assert not difference(one, other).enough
    assert difference(Share(5, 100), Share(95, 100)).enough
    assert not difference(Share(5, 100), Share(96, 100)).enough


@pytest.mark.parametrize("z", [0.0, 0.5, 1.0, 1.959964, 3.0, 6.0])
def test_tails_are_those_of_scipy(z: float) -> None:
    from scipy.stats import norm

    assert two_sided(z) == pytest.approx(2 * norm.sf(z), rel=1e-9)
    assert two_sided(-z) == two_sided(z)
    assert one_sided(z) == pytest.approx(norm.sf(z), rel=1e-9)
    assert one_sided(-z) == pytest.approx(norm.cdf(z), rel=1e-9)


def test_a_difference_beyond_all_doubt_has_p_0() -> None:
    far = z_touching(Share(10**6, 10**6), Share(0, 10**6), 0.0, 0.0)
    assert two_sided(far) < 1e-300
