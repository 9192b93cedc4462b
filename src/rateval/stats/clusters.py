"""Ratios of units that were drawn in clusters: classes, or several units of one image."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from rateval.stats.ratio import Ratio, sum_by
from rateval.stats.student import t_quantile, two_sided_t
from rateval.stats.wilson import wilson_limits, z_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Clustered:
    """A ratio, or a difference of two, with the interval that clusters leave."""

    value: float
    low: float | None
    """None where there is one cluster only, which says nothing about others."""
    high: float | None
    p: float | None
    """Two-sided, of 0; None without an interval, and for one ratio."""
    clusters: int
    design_effect: float | None
    """How often the variance is that of as many units drawn one by one; None where the latter is 0,
    or there is one cluster."""


def clustered_share(
    ratio: Ratio, cluster: NDArray[np.int64], level: float = 0.95
) -> Clustered | None:
    """Return a share with Wilson's interval of as many units as its clusters are worth.

    Those are the units over the design effect, at most all of them, fewer as Student's t of the
    clusters exceeds the normal. None for an empty denominator. Clusters without a unit in the
    denominator don't count. Where the share is 0 or 1 nothing is known of the design effect, and
    each cluster is worth one unit.

    Source: Korn and Graubard, Survey Methodology 24 (1998) 193-201, with Wilson's limits.

    >>> right = Ratio(np.array([1.0, 1.0, 0.0, 0.0]), np.ones(4))
    >>> found = clustered_share(right, np.array([0, 0, 1, 1]))
    >>> found.clusters, found.design_effect, round(found.low, 3), round(found.high, 3)
    (2, 4.0, 0.002, 0.998)
    """
    if ratio.value is None:
        return None
    share, count, clusters = ratio.value, ratio.below, _count(ratio, cluster)
    if clusters < 2:
        return Clustered(share, None, None, None, clusters, None)
    alone = share * (1 - share) / count
    effect = _variance(ratio.influence(), cluster, clusters) / alone if alone else None
    worth = clusters if effect is None else count / max(effect, 1.0)
    worth *= (z_of(level) / t_quantile(clusters - 1, level)) ** 2
    low, high = wilson_limits(share, worth, z_of(level))
    return Clustered(share, low, high, None, clusters, effect)


def clustered_difference(
    first: Ratio, second: Ratio, cluster: NDArray[np.int64], level: float = 0.95
) -> Clustered | None:
    """Return the difference of two ratios of the same units, by Student's t over clusters.

    None where either is undefined. The interval ends at -1 and 1, as a difference of shares does.

    Source: Cameron and Miller, Journal of Human Resources 50 (2015) 317-372, section II.

    >>> one, other = (Ratio(np.array(row), np.ones(4)) for row in ([1.0, 1, 1, 0], [1.0, 0, 0, 0]))
    >>> found = clustered_difference(one, other, np.array([0, 0, 1, 1]))
    >>> found.value, found.clusters
    (0.5, 2)
    """
    if first.value is None or second.value is None:
        return None
    value = first.value - second.value
    either = Ratio(first.numerator, first.denominator + second.denominator)
    clusters = _count(either, cluster)
    if clusters < 2:
        return Clustered(value, None, None, None, clusters, None)
    pulls = first.influence() - second.influence()
    error = sqrt(_variance(pulls, cluster, clusters))
    alone = float((pulls**2).sum()) / len(pulls) ** 2
    half = t_quantile(clusters - 1, level) * error
    p = two_sided_t(value / error, clusters - 1) if error else float(value == 0)
    low, high = max(-1.0, value - half), min(1.0, value + half)
    return Clustered(value, low, high, p, clusters, error**2 / alone if alone else None)


def _count(ratio: Ratio, cluster: NDArray[np.int64]) -> int:
    return len(np.unique(cluster[ratio.denominator != 0]))


def _variance(pulls: NDArray[np.float64], cluster: NDArray[np.int64], clusters: int) -> float:
    sums = sum_by(pulls, cluster) / len(pulls)
    return clusters / (clusters - 1) * float((sums**2).sum())
