"""Wilson's interval of a share."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def wilson_interval(
    numerator: float, denominator: float, level: float = 0.95
) -> tuple[float, float] | tuple[None, None]:
    """Return the Wilson score interval of a share; (None, None) for an empty denominator.

    Both may be fractions, as where units are worth less than one each.

    Source: Wilson, JASA 22 (1927) 209-212.

    >>> [round(end, 4) for end in wilson_interval(8, 10)]
    [0.4902, 0.9433]
    >>> wilson_interval(0, 0)
    (None, None)
    """
    if not denominator:
        return None, None
    return wilson_limits(numerator / denominator, denominator, z_of(level))


def wilson_limits(share: float, count: float, z: float) -> tuple[float, float]:
    """Return Wilson's limits of a share of ``count`` units at ``z`` standard errors.

    >>> [round(end, 4) for end in wilson_limits(0.8, 10, 1.959964)]
    [0.4902, 0.9433]
    """
    shrink = 1 + z * z / count
    centre = (share + z * z / (2 * count)) / shrink
    half = z / shrink * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    # Rounding must not leave the share outside of its own interval.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def z_of(level: float) -> float:
    """Return the standard errors on both sides of the middle that hold ``level`` of a normal.

    >>> round(z_of(0.95), 6)
    1.959964
    """
    return NormalDist().inv_cdf(0.5 + level / 2)
