"""Scores by thirds of the mask area."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rateval.scoring.slices.by_area import slice_by_area
from rateval.stats.ratio import Ratio
from rateval.stats.seeds import mean_over_seeds, share_limits


def test_thirds_of_the_area_leave_out_what_has_none() -> None:
    areas = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, np.nan, 0.0])
    right = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0])
    found = list(slice_by_area([Ratio(right, np.ones(8))], areas, 0.95))
    assert [(one.least, one.greatest) for one in found] == [(0.1, 0.2), (0.3, 0.4), (0.5, 0.6)]
    assert [(one.numerator, one.denominator) for one in found] == [(1, 2), (2, 2), (0, 2)]
    expected = stats.binomtest(1, 2).proportion_ci(method="wilson")
    assert (found[0].low, found[0].high) == pytest.approx((expected.low, expected.high))
    assert list(slice_by_area([Ratio(right, np.ones(8))], np.full(8, 0.5), 0.95)) == []


def test_over_seeds_a_third_is_the_mean_of_the_same_images() -> None:
    draw = np.random.default_rng(3)
    areas = draw.random(90)
    ratios = [Ratio((draw.random(90) < areas).astype(float), np.ones(90)) for _ in range(3)]
    found = list(slice_by_area(ratios, areas, 0.95))
    order = np.argsort(areas)
    for third, part in zip(np.split(order, 3), found, strict=True):
        assert (part.least, part.greatest) == (areas[third].min(), areas[third].max())
        chosen = [Ratio(r.numerator[np.sort(third)], np.ones(30)) for r in ratios]
        values = [float(r.numerator.mean()) for r in chosen]
        assert part.value == pytest.approx(np.mean(values))
        mean = mean_over_seeds(values, np.stack([r.numerator - r.numerator.mean() for r in chosen]))
        expected = share_limits(part.value, 30, 3, mean)
        assert (part.low, part.high) == pytest.approx(expected)
        assert (part.numerator, part.denominator, part.over) == (None, 30, "seeds and images")


def test_a_third_that_one_seed_alone_has_is_left_out() -> None:
    areas = np.repeat([0.1, 0.2, 0.3], 5)
    all_of_them, most = np.ones(15), (areas < 0.3).astype(float)
    found = list(slice_by_area([Ratio(most, all_of_them), Ratio(most, most)], areas, 0.95))
    assert [part.greatest for part in found] == [0.1, 0.2]
