"""Means over seeds that share their units, against loops and known cases."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student

from rateval.stats.ratio import Ratio, number_clusters, sum_by
from rateval.stats.seeds import mean_over_seeds, stack_influences


def draw(seed: int, seeds: int, n: int) -> list[Ratio]:
    rng = np.random.default_rng(seed)
    ease = rng.random(n)
    found = []
    for _ in range(seeds):
        below = (rng.random(n) < 0.7).astype(float)
        found.append(Ratio(below * (rng.random(n) < ease), below))
    return found


def by_loops(ratios: list[Ratio], groups: list[list[int]]) -> tuple[float, float]:
    """Return variance and degrees of freedom, one term of the formula after the other."""
    n, s = len(ratios[0].numerator), len(ratios)
    values, psi = [], []
    for ratio in ratios:
        p = sum(ratio.numerator) / sum(ratio.denominator)
        mean = sum(ratio.denominator) / n
        values.append(p)
        each = [(y - p * d) / mean for y, d in zip(ratio.numerator, ratio.denominator, strict=True)]
        psi.append([sum(each[i] for i in group) for group in groups])
    units = between = 0.0
    for k in range(len(groups)):
        mean = sum(psi[j][k] for j in range(s)) / s
        units += mean**2 / n**2
        between += sum((psi[j][k] - mean) ** 2 for j in range(s)) / ((s - 1) * n**2)
    centre = sum(values) / s
    seeds = sum((value - centre) ** 2 for value in values) / (s - 1) / s
    rest = max(units - between / s, 0)
    freedom = (seeds + rest) ** 2 / (seeds**2 / (s - 1) + rest**2 / (len(groups) - 1))
    return seeds + rest, freedom


@pytest.mark.parametrize("clusters", [None, 7])
def test_it_is_the_formula(clusters: int | None) -> None:
    ratios = draw(1, 4, 60)
    cluster: NDArray[np.int64] | None = None
    groups = [[i] for i in range(60)]
    if clusters is not None:
        cluster = np.arange(60) % clusters
        groups = [[i for i in range(60) if i % clusters == k] for k in range(clusters)]
    values = [ratio.value for ratio in ratios]
    assert all(value is not None for value in values)
    found = mean_over_seeds(values, stack_influences(ratios), cluster=cluster)  # type: ignore[arg-type]  # none is None
    assert found is not None

    variance, freedom = by_loops(ratios, groups)

    assert found.error == pytest.approx(sqrt(variance))
    assert found.freedom == pytest.approx(freedom)
    half = student.ppf(0.975, freedom) * sqrt(variance)
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half))


def test_seeds_that_say_the_same_leave_the_units_alone() -> None:
    one = draw(2, 1, 200)[0]
    found = mean_over_seeds([one.value] * 5, stack_influences([one] * 5))  # type: ignore[list-item]  # it has one
    assert found is not None
    assert one.value is not None
    assert found.error == pytest.approx(sqrt(one.value * (1 - one.value) / one.below))
    assert found.freedom == pytest.approx(199)


def test_one_seed_and_no_variation_have_no_interval() -> None:
    one = draw(2, 1, 20)[0]
    assert mean_over_seeds([0.5], stack_influences([one])) is None
    none = Ratio(np.zeros(9), np.ones(9))
    assert mean_over_seeds([0.0, 0.0], stack_influences([none, none])) is None


def test_an_empty_ratio_has_no_influence() -> None:
    with pytest.raises(ValueError, match="empty denominator"):
        Ratio(np.zeros(3), np.zeros(3)).influence()


def test_it_covers_the_truth_where_seeds_and_units_vary() -> None:
    truth, hits = 0.0, 0
    rng = np.random.default_rng(4)
    for _ in range(400):
        ease, shifts = rng.normal(0, 1, 300), rng.normal(0, 0.3, 3)
        ratios = [
            Ratio((ease + shift + rng.normal(0, 1, 300) > 0).astype(float), np.ones(300))
            for shift in shifts
        ]
        found = mean_over_seeds([float(r.value or 0) for r in ratios], stack_influences(ratios))
        assert found is not None
        truth = 0.5
        hits += found.low <= truth <= found.high
    assert 0.92 <= hits / 400 <= 0.98


def test_sums_within_clusters() -> None:
    cluster = number_clusters(["x", "y", "x", None])
    assert cluster.tolist() == [0, 1, 0, 2]
    assert sum_by(np.array([1.0, 2.0, 3.0, 4.0]), cluster).tolist() == [4.0, 2.0, 4.0]
    assert sum_by(np.zeros((2, 0)), number_clusters([])).shape == (2, 0)


def test_shares_are_told_from_other_ratios() -> None:
    assert Ratio(np.array([1.0, 0.0]), np.array([1.0, 1.0])).is_share
    assert not Ratio(np.array([0.5, 0.0]), np.array([1.0, 1.0])).is_share
    assert not Ratio(np.array([1.0, 0.0]), np.array([0.0, 1.0])).is_share
