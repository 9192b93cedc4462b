"""The difference of two shares, paired or of groups apart: MOVER on Wilson's limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import erfc, sqrt

from rateval.stats.ratio import Ratio
from rateval.stats.wilson import wilson_limits, z_of

_FARTHEST_Z = 38.0
"""Standard errors beyond which a normal's tail is 0 in float64."""

_ENOUGH = 5
"""Successes and failures that either share needs for its p to be printed."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of units.

    >>> Share(1, 4).value
    0.25
    """

    numerator: float
    denominator: float
    """Above 0."""

    @property
    def value(self) -> float:
        """The share."""
        return self.numerator / self.denominator

    @property
    def fewest(self) -> float:
        """Its successes or its failures, whichever are fewer."""
        return min(self.numerator, self.denominator - self.numerator)


@dataclass(frozen=True, slots=True)
class Joint:
    """Units that two ratios have in common: sums of products of what a unit adds to each."""

    both_above: float
    above_below: float
    """In the first's numerator and the second's denominator."""
    below_above: float
    both_below: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A first share minus a second, with its interval and the level at which that touches 0."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, of no difference."""
    enough: bool
    """Whether there are counts enough (5) for p to mean something."""
    correlation: float
    """Of the two shares over samples of units; 0 for groups apart."""


def paired_difference(first: Ratio, second: Ratio, level: float = 0.95) -> Difference | None:
    """Return the difference of two shares of the same units; None where either is undefined.

    Source: Newcombe, Statistics in Medicine 17 (1998) 2635-2650, method 10, with the correlation of
    two ratios; Donner and Zou, Statistical Methods in Medical Research 21 (2012) 347-359.

    >>> import numpy as np
    >>> ones, right = np.ones(40), np.repeat([1.0, 0.0], 20)
    >>> found = paired_difference(Ratio(right, ones), Ratio(np.roll(right, 2), ones))
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.0, -0.094, 0.094)
    """
    if not first.below or not second.below:
        return None
    shares = Share(first.above, first.below), Share(second.above, second.below)
    return difference(*shares, correlation(*shares, join(first, second)), level)


def difference(
    first: Share, second: Share, correlation: float = 0.0, level: float = 0.95
) -> Difference:
    """Return the difference of two shares whose estimates are correlated; by default, not at all.

    >>> found = difference(Share(56, 70), Share(48, 80))
    >>> round(found.value, 4), round(found.low, 4), round(found.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    low, high = _limits(first, second, correlation, z_of(level))
    return Difference(
        value=first.value - second.value,
        low=low,
        high=high,
        p=two_sided(z_touching(first, second, correlation, 0.0)),
        enough=min(first.fewest, second.fewest) >= _ENOUGH,
        correlation=correlation,
    )


def join(first: Ratio, second: Ratio) -> Joint:
    """Count what two ratios of the same units have in common.

    >>> import numpy as np
    >>> one, other = Ratio(np.ones(3), np.ones(3)), Ratio(np.eye(3)[0], np.ones(3))
    >>> join(one, other)
    Joint(both_above=1.0, above_below=3.0, below_above=1.0, both_below=3.0)
    """
    return Joint(
        float(first.numerator @ second.numerator),
        float(first.numerator @ second.denominator),
        float(first.denominator @ second.numerator),
        float(first.denominator @ second.denominator),
    )


def correlation(first: Share, second: Share, joint: Joint) -> float:
    """Return how two shares vary together over samples of units, in [-1, 1]; 0 where undefined.

    >>> correlation(Share(2, 4), Share(2, 4), Joint(2, 2, 2, 4))
    1.0
    """
    one, other = first.value, second.value
    spread = sqrt(one * (1 - one) / first.denominator * other * (1 - other) / second.denominator)
    if not spread:
        return 0.0
    together = (
        joint.both_above
        - other * joint.above_below
        - one * joint.below_above
        + one * other * joint.both_below
    ) / (first.denominator * second.denominator)
    return max(-1.0, min(1.0, together / spread))


def z_touching(first: Share, second: Share, correlation: float, bound: float) -> float:
    """Return the standard errors at which the interval of the difference reaches ``bound``.

    Above 0 where the difference lies above the bound, below 0 where it lies below.

    >>> round(z_touching(Share(56, 70), Share(48, 80), 0.0, 0.0524), 2)
    1.96
    """
    value = first.value - second.value
    if value == bound:
        return 0.0
    above = value > bound

    def reaches(z: float) -> bool:
        low, high = _limits(first, second, correlation, z)
        return low <= bound if above else high >= bound

    z = first_true(reaches)
    return z if above else -z


def two_sided(z: float) -> float:
    """Return the probability that a normal lies as far from 0 as ``z``, on either side.

    >>> round(two_sided(-1.959964), 4)
    0.05
    """
    return erfc(abs(z) / sqrt(2))


def one_sided(z: float) -> float:
    """Return the probability that a normal lies above ``z``.

    >>> round(one_sided(1.644854), 4), round(one_sided(0), 4)
    (0.05, 0.5)
    """
    return erfc(z / sqrt(2)) / 2


def _limits(first: Share, second: Share, rho: float, z: float) -> tuple[float, float]:
    one, other = first.value, second.value
    first_low, first_high = wilson_limits(one, first.denominator, z)
    second_low, second_high = wilson_limits(other, second.denominator, z)
    down, up = one - first_low, first_high - one
    other_down, other_up = other - second_low, second_high - other
    value = one - other
    return (
        max(-1.0, value - _length(down, other_up, rho)),
        min(1.0, value + _length(up, other_down, rho)),
    )


def _length(one: float, other: float, rho: float) -> float:
    # Rounding can leave it just below 0 where both are equal and correlated fully.
    return sqrt(max(0.0, one * one + other * other - 2 * rho * one * other))


def first_true(holds: Callable[[float], bool], farthest: float = _FARTHEST_Z) -> float:
    """Return the least z in (0, farthest] from which on it holds; farthest where it never does."""
    if not holds(farthest):
        return farthest
    low, high = 0.0, farthest
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
