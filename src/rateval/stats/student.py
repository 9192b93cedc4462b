"""Student's t: its quantiles, its tails, and the interval of a mean."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt
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


@lru_cache(maxsize=1024)  # seeds leave degrees that are no whole numbers
def t_quantile(freedom: float, level: float = 0.95) -> float:
    """Return the t that a variable of ``freedom`` degrees lies within, on both sides of 0.

    Raises ValueError for no degree, and for a level that isn't between 0 and 1.

    >>> [round(t_quantile(freedom), 3) for freedom in (1, 2, 9)]
    [12.706, 4.303, 2.262]
    """
    if not freedom > 0 or not 0 < level < 1:
        raise ValueError(f"t_quantile({freedom}, {level}): needs freedom > 0 and 0 < level < 1")
    # The value of scipy.stats.t.ppf, without the second that importing scipy.stats takes.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2))


def two_sided_t(t: float, freedom: float) -> float:
    """Return the probability that a variable lies as far from 0 as ``t``, on either side.

    >>> round(two_sided_t(-2.262157, 9), 4)
    0.05
    """
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(t)))
