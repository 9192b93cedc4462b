"""Weighted sums of shares against computations written out, and against the difference of two."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy import optimize, stats

from rateval.stats.clusters import clustered_difference
from rateval.stats.combination import clustered_combination, combine, correlate, weigh
from rateval.stats.difference import Share, paired_difference
from rateval.stats.ratio import Ratio

WEIGHTS = [-1.0, 1 / 3, 1 / 3, 1 / 3]


def make_ratios(count: int, units: int = 200, seed: int = 0) -> list[Ratio]:
    """Return shares of the same units that go together, each of some of them."""
    chance = np.random.default_rng(seed)
    hard = chance.random(units)
    ratios = []
    for at in range(count):
        below = chance.random(units) < 0.8
        above = below & (hard + 0.3 * chance.random(units) > 0.3 + 0.1 * at)
        ratios.append(Ratio(above.astype(float), below.astype(float)))
    return ratios


def wilson(share: float, count: float, z: float) -> tuple[float, float]:
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * sqrt(share * (1 - share) / count + (z / count) ** 2 / 4)
    return centre - half, centre + half


def mover(ratios: list[Ratio], weights: list[float], z: float) -> tuple[float, float, float]:
    """Return value and limits by the sums over pairs of shares, term by term."""
    value = sum(w * (r.value or 0) for w, r in zip(weights, ratios, strict=True))
    down = up = 0.0
    for w, one in zip(weights, ratios, strict=True):
        for v, other in zip(weights, ratios, strict=True):
            p, q = one.value or 0, other.value or 0
            sums = (one.numerator - p * one.denominator) @ (other.numerator - q * other.denominator)
            spread = sqrt(p * (1 - p) / one.below * q * (1 - q) / other.below)
            rho = float(sums) / (one.below * other.below) / spread
            (a, b), (c, d) = wilson(p, one.below, z), wilson(q, other.below, z)
            first = (p - a, b - p) if w > 0 else (b - p, p - a)
            second = (q - c, d - q) if v > 0 else (d - q, q - c)
            down += w * v * rho * first[0] * second[0]
            up += w * v * rho * first[1] * second[1]
    return value, value - sqrt(down), value + sqrt(up)


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_limits_are_those_of_every_pair_of_shares(level: float) -> None:
    ratios = make_ratios(4)
    found = combine(ratios, WEIGHTS, level)
    assert found is not None
    z = float(stats.norm.ppf(0.5 + level / 2))
    assert (found.value, found.low, found.high) == pytest.approx(mover(ratios, WEIGHTS, z))
    touching = optimize.brentq(lambda z: mover(ratios, WEIGHTS, z)[2], 1e-9, 30)
    assert found.high < 0, "there must be a fall"
    assert found.p == pytest.approx(2 * stats.norm.sf(touching), rel=1e-6)
    assert found.enough


def test_two_shares_have_the_interval_of_their_difference() -> None:
    one, other = make_ratios(2)
    found, expected = combine([one, other], [1, -1]), paired_difference(one, other)
    assert found is not None
    assert expected is not None
    pairs = [
        (getattr(found, name), getattr(expected, name)) for name in ("value", "low", "high", "p")
    ]
    for ours, theirs in pairs:
        assert ours == pytest.approx(theirs)


def test_weights_of_a_mean_hold_as_often_as_they_say() -> None:
    chance, held, times = np.random.default_rng(3), 0, 400
    truth = (0.5 + 0.4 + 0.3) / 3 - 0.7
    for _ in range(times):
        hard = chance.random(150)
        rows = [
            np.where(chance.random(150) < 0.5, hard, chance.random(150)) < p
            for p in (0.7, 0.5, 0.4, 0.3)
        ]
        found = combine([Ratio(row.astype(float), np.ones(150)) for row in rows], WEIGHTS)
        assert found is not None
        held += found.low <= truth <= found.high
    assert held / times == pytest.approx(0.95, abs=0.03)


def test_what_is_undefined_has_no_sum() -> None:
    empty = Ratio(np.zeros(200), np.zeros(200))
    ratios = [*make_ratios(3), empty]
    assert combine(ratios, WEIGHTS) is None
    assert clustered_combination(ratios, WEIGHTS, np.zeros(200, dtype=np.int64)) is None


def test_shares_without_spread_correlate_with_nothing_but_themselves() -> None:
    ones = Ratio(np.ones(4), np.ones(4))
    half = Ratio(np.array([1.0, 0, 1, 0]), np.ones(4))
    assert correlate([ones, half], [Share(4, 4), Share(2, 4)]).tolist() == [[1, 0], [0, 1]]


def test_clusters_are_those_of_the_difference() -> None:
    one, other = make_ratios(2)
    cluster = np.arange(200) % 7
    found = clustered_combination([one, other], [1, -1], cluster)
    expected = clustered_difference(one, other, cluster)
    assert found is not None
    assert expected is not None
    assert (found.value, found.low, found.high, found.p, found.clusters) == pytest.approx(
        (expected.value, expected.low, expected.high, expected.p, expected.clusters)
    )
    alone = clustered_combination([one, other], [1, -1], np.zeros(200, dtype=np.int64))
    assert alone is not None
    assert (alone.low, alone.high, alone.p, alone.clusters) == (None, None, None, 1)


def test_rounding_makes_no_change() -> None:
    assert weigh([0.3137254901960784] * 4, WEIGHTS) == 0
    assert weigh([0.3, 0.3, 0.3, 0.3 + 1e-9], WEIGHTS) > 0
