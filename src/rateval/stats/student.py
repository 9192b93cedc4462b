"""Student's t interval of a mean, from a sum that is exact for whole degrees of freedom."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import cos, inf, nextafter, pi, sin, sqrt, tan
from statistics import mean, stdev


def t_interval(
    values: Sequence[float], level: float = 0.95
) -> tuple[float, float] | tuple[None, None]:
    """Return the interval of the mean of independent normal values; (None, None) below two.

    >>> [round(end, 4) for end in t_interval([1.0, 2.0, 3.0])]
    [-0.4841, 4.4841]
    >>> t_interval([1.0])
    (None, None)
    """
    if len(values) < 2:
        return None, None
    centre = mean(values)
    half = t_quantile(len(values) - 1, level) * stdev(values) / sqrt(len(values))
    return centre - half, centre + half


@cache
def t_quantile(freedom: int, level: float = 0.95) -> float:
    """Return the t that a variable of ``freedom`` degrees lies within, on both sides of 0.

    Raises ValueError below one degree, and for a level that isn't between 0 and 1.

    >>> [round(t_quantile(freedom), 3) for freedom in (1, 2, 9)]
    [12.706, 4.303, 2.262]
    """
    if freedom < 1 or not 0 < level < 1:
        raise ValueError(f"t_quantile({freedom}, {level}): needs freedom >= 1 and 0 < level < 1")
    low, high = 0.0, pi / 2
    while nextafter(low, inf) < high:
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < level else (low, middle)
    return sqrt(freedom) * tan(low)


def _within(angle: float, freedom: int) -> float:
    """Return the probability of lying within t, given as the angle of tangent t / sqrt(freedom).

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    odd = freedom % 2
    square = cos(angle) ** 2
    term = cos(angle) if odd else 1.0
    total = 0.0
    for step in range(1 + odd, freedom, 2):
        total += term
        term *= square * step / (step + 1)
    total *= sin(angle)
    return 2 / pi * (angle + total) if odd else total
