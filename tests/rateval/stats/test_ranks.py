from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray
from scipy.stats import rankdata

from rateval.stats.ranks import average_ranks, rank_correlations

ROWS = st.lists(
    st.lists(st.integers(0, 5), min_size=6, max_size=6), min_size=1, max_size=4
)  # few values, so that ties are the rule


def slow_ranks(row: list[float]) -> list[float]:
    """Rank by counting, one value at a time."""
    return [
        sum(other < value for other in row) + (sum(other == value for other in row) + 1) / 2
        for value in row
    ]


def slow_correlation(one: list[float], other: list[float]) -> float | None:
    """Spearman's correlation by sums over ranks."""
    x, y = slow_ranks(one), slow_ranks(other)
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    both = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    spread = sum((a - mean_x) ** 2 for a in x) * sum((b - mean_y) ** 2 for b in y)
    return both / spread**0.5 if spread else None


@given(ROWS)
def test_ranks_equal_counting(rows: list[list[float]]) -> None:
    assert average_ranks(np.array(rows, float)).tolist() == [slow_ranks(row) for row in rows]


@pytest.mark.parametrize("shape", [(1, 1), (3, 0), (0, 5), (7, 196), (2, 3000)])
@pytest.mark.parametrize("values", [4, 1000, None])
def test_ranks_equal_scipy(shape: tuple[int, int], values: int | None) -> None:
    drawn = np.random.default_rng(2).random(shape)
    rows = drawn if values is None else np.floor(drawn * values)
    rows[:, :1] = -np.inf
    expected = rankdata(rows, axis=1) if rows.size else np.empty(shape)
    assert np.array_equal(average_ranks(rows), expected)


@given(ROWS, ROWS)
def test_correlations_equal_sums_over_ranks(
    rows: list[list[float]], others: list[list[float]]
) -> None:
    count = min(len(rows), len(others))
    rows, others = rows[:count], others[:count]
    values, defined = rank_correlations(np.array(rows, float), np.array(others, float))
    for row, other, value, known in zip(rows, others, values, defined, strict=True):
        expected = slow_correlation(row, other)
        assert known == (expected is not None)
        if expected is not None:
            assert value == pytest.approx(expected, abs=1e-12)


def test_only_the_order_counts() -> None:
    values: NDArray[np.float64] = np.random.default_rng(0).random((5, 20))
    same, _ = rank_correlations(values, np.exp(9 * values))
    opposite, _ = rank_correlations(values, -values)
    assert same.tolist() == pytest.approx([1] * 5)
    assert opposite.tolist() == pytest.approx([-1] * 5)


def test_half_precision_is_ranked_like_double() -> None:
    values = np.random.default_rng(1).random((3, 50)).astype(np.float16)
    assert np.array_equal(average_ranks(values), average_ranks(values.astype(np.float64)))


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_rows_that_are_constant_or_not_finite_have_no_correlation(broken: float) -> None:
    rows = np.array([[1.0, 1, 1], [1, 2, broken], [1, 2, 3]])
    good = np.array([[1.0, 2, 3]] * 3)
    for pair in ((rows, good), (good, rows)):
        values, defined = rank_correlations(*pair)
        assert defined.tolist() == [False, False, True]
        assert np.isfinite(values).all()
        assert values[2] == pytest.approx(1)
