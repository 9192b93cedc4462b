from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from rateval.stats.curves import SharePair, find_crossings, paired_limits
from rateval.stats.difference import paired_difference
from rateval.stats.ratio import Ratio


def test_the_ends_equal_those_of_one_difference_at_a_time() -> None:
    draw = np.random.default_rng(0)
    columns, expected = [], []
    for _ in range(60):
        below = draw.random((2, 50)) < draw.random()
        above = below & (draw.random((2, 50)) < draw.choice([0.0, 0.1, 0.5, 1.0], (2, 1)))
        one, other = (
            Ratio(a.astype(np.float64), b.astype(np.float64))
            for a, b in zip(above, below, strict=True)
        )
        columns.append(
            (
                *(one.above, one.below, other.above, other.below),
                *((above[0] & above[1]).sum(), (above[0] & below[1]).sum()),
                *((below[0] & above[1]).sum(), (below[0] & below[1]).sum()),
            )
        )
        expected.append(paired_difference(one, other, 0.9))
    low, high = paired_limits(SharePair(*np.array(columns, dtype=np.float64).T), 0.9)
    assert sum(found is None for found in expected) < 20
    for at, found in enumerate(expected):
        if found is None:
            assert np.isnan(low[at])
            assert np.isnan(high[at])
        else:
            assert (low[at], high[at]) == pytest.approx((found.low, found.high), abs=1e-12)


@given(st.lists(st.tuples(st.sampled_from([-1.0, 0.0, 1.0, math.nan]), st.booleans()), min_size=1))
def test_crossings_equal_a_walk_along_the_curve(points: list[tuple[float, bool]]) -> None:
    values = np.array([value for value, _ in points])
    ends = [value if clear and value else math.nan for value, clear in points]
    found = {turn.at: turn for turn in find_crossings(values, np.array(ends), np.array(ends))}
    last = 0.0
    for at, (value, _) in enumerate(points):
        if math.isnan(value) or not value:
            continue
        if last and value != last:
            turn = found.pop(at)
            assert turn.rises is (value > 0)
            below = [k for k in range(at) if not math.isnan(ends[k])]
            above = [k for k in range(at, len(ends)) if not math.isnan(ends[k])]
            if below and above and ends[below[-1]] == last and ends[above[0]] == value:
                assert (turn.clear_below, turn.clear_above) == (below[-1], above[0])
            else:
                assert (turn.clear_below, turn.clear_above) == (None, None)
        last = value
    assert not found
