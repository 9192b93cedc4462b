"""Clustered ratios against loops, and against what clusters do to coverage."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student

from rateval.stats.clusters import clustered_difference, clustered_share
from rateval.stats.combination import clustered_combination
from rateval.stats.ratio import Ratio
from rateval.stats.wilson import wilson_interval


def draw(seed: int, n: int, clusters: int) -> tuple[Ratio, Ratio, NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, clusters, n)
    cluster[:clusters] = np.arange(clusters)
    ease = rng.random(clusters)[cluster]
    below = [(rng.random(n) < 0.8).astype(float) for _ in range(2)]
    one, other = (Ratio(d * (rng.random(n) < ease), d) for d in below)
    return one, other, cluster


def test_a_difference_is_the_formula() -> None:
    one, other, cluster = draw(1, 90, 6)
    found = clustered_difference(one, other, cluster)
    assert found is not None
    sums = [0.0] * 6
    for i, k in enumerate(cluster):
        sums[k] += (one.numerator[i] - one.above / one.below * one.denominator[i]) / one.below
        sums[k] -= (
            other.numerator[i] - other.above / other.below * other.denominator[i]
        ) / other.below
    error = sqrt(6 / 5 * sum(total**2 for total in sums))
    assert found.clusters == 6
    assert found.value == pytest.approx(one.above / one.below - other.above / other.below)
    half = student.ppf(0.975, 5) * error
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half))
    assert found.p == pytest.approx(2 * student.sf(abs(found.value) / error, 5))


def test_clusters_of_one_unit_each_have_no_effect() -> None:
    one, other, _ = draw(2, 400, 1)
    alone = np.arange(400)
    share = clustered_share(one, alone)
    assert share is not None
    assert share.design_effect == pytest.approx(one.below / (one.below - 1), rel=0.01)
    assert (share.low, share.high) == pytest.approx(
        wilson_interval(one.above, one.below), abs=0.001
    )
    between = clustered_difference(one, other, alone)
    assert between is not None
    assert between.design_effect == pytest.approx(1, rel=0.005)


def test_one_cluster_says_nothing_of_others() -> None:
    one, other, _ = draw(3, 50, 1)
    cluster = np.zeros(50, dtype=np.int64)
    share, between = clustered_share(one, cluster), clustered_difference(one, other, cluster)
    assert share is not None
    assert between is not None
    assert (share.low, share.high, share.design_effect) == (None, None, None)
    assert (between.low, between.high, between.p) == (None, None, None)


def test_clusters_outside_of_the_denominator_do_not_count() -> None:
    below = np.array([1.0, 1.0, 0.0, 0.0])
    found = clustered_share(Ratio(below * [1, 0, 0, 0], below), np.array([0, 1, 2, 3]))
    assert found is not None
    assert found.clusters == 2


def test_undefined_and_extreme_shares() -> None:
    none, full = Ratio(np.zeros(4), np.zeros(4)), Ratio(np.ones(4), np.ones(4))
    cluster = np.array([0, 0, 1, 1])
    assert clustered_share(none, cluster) is None
    assert clustered_difference(none, full, cluster) is None
    found = clustered_share(full, cluster)
    assert found is not None
    assert (found.value, found.high, found.design_effect) == (1.0, 1.0, None)
    assert found.low is not None
    assert found.low < wilson_interval(2, 2)[0]  # type: ignore[operator]  # of two units it has one
    same = clustered_difference(full, full, cluster)
    assert same is not None
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)


@pytest.mark.parametrize("clusters", [10, 100])
def test_intervals_hold_for_new_clusters(clusters: int) -> None:
    rng = np.random.default_rng(clusters)
    n, trials = clusters * 10, 400
    cluster = np.repeat(np.arange(clusters), 10)
    held = ignored = differences = 0
    for _ in range(trials):
        ease = rng.beta(1, 1, (2, clusters))[:, cluster]
        one, other = (Ratio((rng.random(n) < row).astype(float), np.ones(n)) for row in ease)
        share, between = clustered_share(one, cluster), clustered_difference(one, other, cluster)
        assert share is not None
        assert between is not None
        low, high = wilson_interval(one.above, one.below)
        held += share.low <= 0.5 <= share.high  # type: ignore[operator]  # there are several
        ignored += low <= 0.5 <= high  # type: ignore[operator]  # there are units
        differences += between.low <= 0 <= between.high  # type: ignore[operator]
    assert 0.92 <= held / trials <= 0.98
    assert 0.92 <= differences / trials <= 0.98
    assert ignored / trials < 0.85


def test_the_interval_of_a_difference_ends_where_differences_of_shares_do() -> None:
    below = np.ones(12)
    right, wrong = Ratio(np.repeat([1.0, 0.0], [11, 1]), below), Ratio(np.eye(12)[11], below)
    cluster = np.repeat(np.arange(4), 3)
    value, low, high = 10 / 12, *_plain_interval(right, wrong, cluster)
    assert high > 1  # what Student's t alone says
    for found in (
        clustered_difference(right, wrong, cluster),
        clustered_combination([right, wrong], [1, -1], cluster),
    ):
        assert found is not None
        assert (found.value, found.low, found.high) == pytest.approx((value, low, 1.0))
    turned = clustered_difference(wrong, right, cluster)
    assert turned is not None
    assert (turned.low, turned.high) == pytest.approx((-1.0, -low))


def _plain_interval(one: Ratio, other: Ratio, cluster: NDArray[np.int64]) -> tuple[float, float]:
    """Return Student's interval over clusters, written out."""
    difference = one.numerator - other.numerator  # their denominators are ones
    value, count = float(difference.mean()), len(difference)
    groups = np.unique(cluster)
    sums = [float((difference[cluster == at] - value).sum()) / count for at in groups]
    error = (len(groups) / (len(groups) - 1) * sum(one**2 for one in sums)) ** 0.5
    half = float(student.ppf(0.975, len(groups) - 1)) * error
    return value - half, value + half
