"""Wilson's interval of a share."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def wilson_interval(
    numerator: int, denominator: int, level: float = 0.95
) -> tuple[float, float] | tuple[None, None]:
    """Return the Wilson score interval of a share; (None, None) for an empty denominator.

    Source: Wilson, JASA 22 (1927) 209-212.

    >>> [round(end, 4) for end in wilson_interval(8, 10)]
    [0.4902, 0.9433]
    >>> wilson_interval(0, 0)
    (None, None)
    """
    if not denominator:
        return None, None
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, shrink = numerator / denominator, 1 + z * z / denominator
    centre = (share + z * z / (2 * denominator)) / shrink
    half = (
        z
        / shrink
        * sqrt(share * (1 - share) / denominator + z * z / (4 * denominator * denominator))
    )
    # Rounding must not leave the share outside of its own interval.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
