"""Tests at a bound beside exact ones, and beside formulas written out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import optimize, stats

from rateval.stats.bounds.held import Held, by_both, by_units
from rateval.stats.ratio import Ratio
from rateval.stats.seeds import Parts


@pytest.mark.parametrize(("n", "bound"), [(20, 0.5), (60, 0.2), (200, 0.95), (1000, 0.67)])
def test_of_one_share_it_is_nearly_the_exact_test(n: int, bound: float) -> None:
    rows = np.array([[0.0, 1.0], [1.0, 1.0]])
    k = np.arange(n + 1.0)
    counts = np.stack([n - k, k], axis=1)
    above, below = by_units(rows, counts, np.full(n + 1, bound), paired=False)
    assert above == pytest.approx(stats.binom.sf(k - 1, n, bound), abs=0.007)
    assert below == pytest.approx(stats.binom.cdf(k, n, bound), abs=0.007)


def likeliest(better: int, worse: int, n: int, change: float) -> tuple[float, float]:
    """Return chances of a better and a worse answer of that difference, found by search."""

    def against(chance: float) -> float:
        other = chance - change
        parts = ((better, chance), (worse, other), (n - better - worse, 1 - chance - other))
        return -float(sum(k * np.log(max(p, 1e-300)) for k, p in parts if k))

    ends = max(0.0, change), (1 + change) / 2
    found = optimize.minimize_scalar(
        against, bounds=ends, method="bounded", options={"xatol": 1e-12}
    )
    return float(found.x), float(found.x) - change


@pytest.mark.parametrize(("better", "worse"), [(0, 0), (1, 4), (6, 3), (0, 5), (9, 1)])
def test_of_paired_shares_it_is_nearly_all_outcomes_at_the_bound(better: int, worse: int) -> None:
    n, bound = 60, -0.05
    up, down = likeliest(better, worse, n, bound)
    exact = sum(
        stats.multinomial.pmf([b, w, n - b - w], n, [up, down, 1 - up - down])
        for b, w in product(range(31), range(31))
        if b - w >= better - worse and b + w <= n
    )
    ours = np.repeat([1.0, 0.0, 1.0], [better, worse, n - better - worse])
    theirs = np.repeat([0.0, 1.0, 1.0], [better, worse, n - better - worse])
    held = Held([(Ratio(ours, np.ones(n)), Ratio(theirs, np.ones(n)))])
    above, _ = held.test(np.array([bound]))
    assert above[0] == pytest.approx(exact, abs=0.012, rel=0.1)


def test_limits_are_bounds_at_which_the_tests_reach_their_level() -> None:
    rng = np.random.default_rng(3)
    right = (rng.random((3, 150)) < 0.8).astype(float)
    valid = right * (rng.random((3, 150)) < 0.5)
    theirs = Ratio(right[0] * (rng.random(150) < 0.4), right[0])
    pairs = [(Ratio(v, r), theirs) for v, r in zip(valid, right, strict=True)]
    for some, cluster in product((pairs[:1], pairs), (None, np.arange(150) // 5)):
        held = Held(some, cluster)
        found = held.beside(-0.1, 0.95)
        assert found.low < found.value < found.high
        above, below = held.test(np.array([found.low, found.high]))
        assert above[0] == pytest.approx(0.05, abs=1e-3)
        assert below[1] == pytest.approx(0.05, abs=1e-3)
        mirrored = Held([(other, one) for one, other in some], cluster).beside(0.1, 0.95)
        assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low), abs=1e-4)
        assert (mirrored.above, mirrored.below) == pytest.approx((found.below, found.above))


def test_seeds_and_units_are_each_weighed_by_their_own_t() -> None:
    parts = Parts(of_seeds=0.0004, beyond=0.0001, seeds=3, drawn=50)
    above, below = by_both(np.array([0.05, -0.05]), parts)
    needed = 0.8 * stats.t.isf(above[0], 2) + 0.2 * stats.t.isf(above[0], 49)
    assert 0.05 / np.sqrt(0.0005) == pytest.approx(needed)
    assert above[0] == pytest.approx(below[1])
    assert above[0] + below[0] == pytest.approx(1)


def test_an_empty_denominator_is_refused() -> None:
    with pytest.raises(ValueError, match="empty denominator"):
        Held([(Ratio(np.zeros(3), np.zeros(3)), None)])
