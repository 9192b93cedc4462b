"""One value against a bound: the one-sided tests of it, and the limits that go with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, inf, sqrt
from statistics import NormalDist

from rateval.stats.student import t_quantile, two_sided_t
from rateval.stats.wilson import wilson_limits, z_of


@dataclass(frozen=True, slots=True)
class Beside:
    """A value beside a bound.

    Its limits are one-sided: each of them holds by itself at the level that was asked for.
    """

    value: float
    low: float
    """Lower limit: reaches the bound where ``above`` is 1 minus the level."""
    high: float
    above: float
    """One-sided p: how likely data as these are if the value doesn't lie above the bound."""
    below: float
    """The same if it doesn't lie below."""


def both_sides(level: float) -> float:
    """Return the level of an interval each of whose ends holds at ``level`` by itself.

    >>> round(both_sides(0.95), 12)
    0.9
    """
    return max(2 * level - 1, 1e-9)


def share_beside(numerator: float, denominator: float, bound: float, level: float) -> Beside:
    """Return a share of units that were drawn one by one, tested exactly; ``bound`` in (0, 1).

    Source: Clopper and Pearson, Biometrika 26 (1934) 404-413.

    >>> found = share_beside(89, 100, 0.8, 0.95)
    >>> round(found.above, 4), round(found.low, 4), round(found.high, 4)
    (0.0126, 0.8245, 0.9371)
    """
    from scipy.special import betainc, betaincinv

    k, n = numerator, denominator
    return Beside(
        value=k / n,
        low=float(betaincinv(k, n - k + 1, 1 - level)) if k else 0.0,
        high=float(betaincinv(k + 1, n - k, level)) if k < n else 1.0,
        # Of k or more, and of k or fewer, of n at the bound.
        above=float(betainc(k, n - k + 1, bound)) if k else 1.0,
        below=float(1 - betainc(k + 1, n - k, bound)) if k < n else 1.0,
    )


def worth_beside(share: float, worth: float, freedom: float, bound: float, level: float) -> Beside:
    """Return a share that is worth so many units, by Wilson's limits at Student's t.

    >>> found = worth_beside(0.89, 100, 1e9, 0.8, 0.95)
    >>> round(found.above, 4), round(found.low, 4), round(found.high, 4)
    (0.0122, 0.8279, 0.9315)
    """
    low, high = wilson_limits(share, worth, t_quantile(freedom, both_sides(level)))
    above = _tail((share - bound) / sqrt(bound * (1 - bound) / worth), freedom)
    return Beside(share, low, high, above, 1 - above)


def mean_beside(value: float, error: float, freedom: float, bound: float, level: float) -> Beside:
    """Return a mean with its standard error above 0, by Student's t.

    >>> found = mean_beside(0.6, 0.1, 10, 0.5, 0.95)
    >>> round(found.above, 4), round(found.low, 4), round(found.high, 4)
    (0.1704, 0.4188, 0.7812)
    """
    half = t_quantile(freedom, both_sides(level)) * error
    above = _tail((value - bound) / error, freedom)
    return Beside(value, value - half, value + half, above, 1 - above)


def more_open(one: Beside, other: Beside) -> Beside:
    """Return the first value, as open on each side as the one that is more so leaves it.

    >>> sharp, wide = Beside(0.5, 0.4, 0.6, 0.02, 0.98), Beside(0.5, 0.3, 0.55, 0.07, 0.9)
    >>> more_open(sharp, wide)
    Beside(value=0.5, low=0.3, high=0.6, above=0.07, below=0.98)
    """
    return replace(
        one,
        low=min(one.low, other.low),
        high=max(one.high, other.high),
        above=max(one.above, other.above),
        below=max(one.below, other.below),
    )


def units_for_share(
    share: float, bound: float, power: float = 0.8, level: float = 0.95
) -> int | None:
    """Return how many units show on which side of the bound a share lies, so often as ``power``.

    None for a share at the bound. ``level`` is that of one side.

    Source: Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions (2003), 2.5.

    >>> units_for_share(0.85, 0.8)
    368
    """
    if share == bound:
        return None
    at, there = sqrt(bound * (1 - bound)), sqrt(share * (1 - share))
    reach = z_of(both_sides(level)) * at + NormalDist().inv_cdf(power) * there
    return max(1, ceil((reach / (share - bound)) ** 2))


def times_as_many(found: Beside, bound: float, power: float = 0.8, level: float = 0.95) -> float:
    """Return how many times as much data shows on which side of the bound a value lies.

    That is judged by the half of its interval on the bound's side, which shrinks as the root of
    the data. Infinite for a value at the bound, and where the interval is open by nothing.

    >>> round(times_as_many(mean_beside(0.55, 0.1, 1e9, 0.5, 0.95), 0.5), 1)
    24.7
    """
    distance = found.value - bound
    half = found.value - found.low if distance > 0 else found.high - found.value
    z = z_of(both_sides(level))
    if not distance or not half or not z:
        return inf
    return (half / z * (z + NormalDist().inv_cdf(power)) / distance) ** 2


def _tail(t: float, freedom: float) -> float:
    """Return the probability that a variable lies above ``t``."""
    tail = two_sided_t(t, freedom) / 2
    return tail if t > 0 else 1 - tail
