"""How many units a difference of two ratios needs, and how small a one so many can show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, sqrt
from statistics import NormalDist

from rateval.stats.wilson import z_of


@dataclass(frozen=True, slots=True)
class Supposed:
    """What a study of two methods is supposed to find: two shares of parts of the same units."""

    first: float
    """Share of the first method, such as its PT."""
    second: float
    """Share of the second."""
    first_part: float = 1.0
    """Part of the units that the first share is of, such as an accuracy for PT."""
    second_part: float = 1.0
    correlation: float = 0.0
    """Of the two shares over samples of units."""

    @property
    def spread(self) -> float:
        """The standard error of the difference, by as many units as one, over their square root.

        >>> Supposed(0.5, 0.5).spread
        0.7071067811865476
        """
        one = self.first * (1 - self.first) / self.first_part
        other = self.second * (1 - self.second) / self.second_part
        return sqrt(max(0.0, one + other - 2 * self.correlation * sqrt(one * other)))


def units_needed(supposed: Supposed, power: float = 0.8, level: float = 0.95) -> int | None:
    """Return how many units show the difference with a chance of ``power``; None for none.

    Shown is what the interval at ``level`` leaves out 0 by, on the supposed side.

    Source: Lachin, Controlled Clinical Trials 2 (1981) 93-113.

    >>> units_needed(Supposed(0.3, 0.25))
    1248
    >>> units_needed(Supposed(0.3, 0.3)) is None
    True
    """
    difference = supposed.first - supposed.second
    if not difference:
        return None
    reach = z_of(level) + NormalDist().inv_cdf(power)
    return max(1, ceil((reach * supposed.spread / difference) ** 2))


def least_difference(
    supposed: Supposed, units: int, power: float = 0.8, level: float = 0.95
) -> float | None:
    """Return the smallest fall of the second share below the first that ``units`` show so often.

    ``supposed.second`` is not looked at. None where not even a fall to 0 would be shown.

    >>> found = least_difference(Supposed(0.3, 0.3), 1247)
    >>> round(found, 3)
    0.05
    """
    low, high = 0.0, supposed.first

    def enough(fall: float) -> bool:
        needed = units_needed(replace(supposed, second=supposed.first - fall), power, level)
        return needed is not None and needed <= units

    if not enough(high):
        return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def chance_to_show(supposed: Supposed, units: int, level: float = 0.95) -> float:
    """Return how likely ``units`` are to show the supposed difference, on its own side.

    >>> round(chance_to_show(Supposed(0.3, 0.25), 1247), 2)
    0.8
    """
    difference, error = abs(supposed.first - supposed.second), supposed.spread / sqrt(units)
    if not error:
        return float(difference > 0)
    return NormalDist().cdf(difference / error - z_of(level))
