"""Student's quantiles, against a published table and against the integral of the density."""

from __future__ import annotations

from math import exp, lgamma, pi, sqrt

import numpy as np
import pytest

from rateval.stats.student import t_interval, t_quantile

# Two-sided 95 % and 99 %: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
TABLE = {
    1: (12.706, 63.657),
    2: (4.303, 9.925),
    3: (3.182, 5.841),
    4: (2.776, 4.604),
    5: (2.571, 4.032),
    9: (2.262, 3.250),
    10: (2.228, 3.169),
    30: (2.042, 2.750),
    100: (1.984, 2.626),
}


NODES, WEIGHTS = np.polynomial.legendre.leggauss(200)


def share_within(t: float, freedom: int) -> float:
    """Integrate the density from -t to t, in the angle whose tangent is x / sqrt(freedom)."""
    scale = exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(pi)
    end = np.arctan(t / sqrt(freedom))
    return float(scale * end * np.sum(WEIGHTS * np.cos(end * NODES) ** (freedom - 1)))


@pytest.mark.parametrize("freedom", TABLE)
def test_quantiles_equal_the_published_table(freedom: int) -> None:
    assert (round(t_quantile(freedom), 3), round(t_quantile(freedom, 0.99), 3)) == TABLE[freedom]


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("freedom", [*range(1, 41), 99, 100, 998, 999])
def test_quantiles_hold_their_share_of_the_density(freedom: int, level: float) -> None:
    assert share_within(t_quantile(freedom, level), freedom) == pytest.approx(level, abs=1e-11)


def test_quantiles_fall_towards_the_normal_one() -> None:
    found = [t_quantile(freedom) for freedom in range(1, 200)]
    assert found == sorted(found, reverse=True)
    assert found[-1] > 1.959964


@pytest.mark.parametrize(("freedom", "level"), [(0, 0.95), (3, 0.0), (3, 1.0)])
def test_what_has_no_quantile_is_refused(freedom: int, level: float) -> None:
    with pytest.raises(ValueError, match="needs freedom > 0 and 0 < level < 1"):
        t_quantile(freedom, level)


def test_an_interval_by_hand() -> None:
    # Mean 0.5, standard deviation 0.1, standard error 0.05, t of 3 degrees 3.1824463.
    values = [0.5 + sign * 0.1 * sqrt(3) / 2 for sign in (-1, -1, 1, 1)]
    assert t_interval(values) == pytest.approx((0.5 - 0.159122315, 0.5 + 0.159122315))


def test_equal_values_give_a_point_and_single_ones_no_interval() -> None:
    assert t_interval([0.1, 0.1, 0.1]) == (0.1, 0.1)
    assert t_interval([0.1]) == t_interval([]) == (None, None)
