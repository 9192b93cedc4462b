"""Weighted sums of shares of the same units, such as a mean over severities minus another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from typing import TYPE_CHECKING

import numpy as np

from rateval.stats.clusters import Clustered
from rateval.stats.difference import Share, first_true, two_sided
from rateval.stats.ratio import Ratio, sum_by
from rateval.stats.student import t_quantile, two_sided_t
from rateval.stats.wilson import wilson_limits, z_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDING = 1e-14
"""What a sum of a few shares can be off by."""
_ENOUGH = 5
"""Successes and failures that each share needs for its p to be printed."""


@dataclass(frozen=True, slots=True)
class Combination:
    """A weighted sum of shares, with its interval and the level at which that touches 0."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, of 0."""
    enough: bool
    """Whether there are counts enough (5) for p to mean something."""


def combine(
    ratios: Sequence[Ratio], weights: Sequence[float], level: float = 0.95
) -> Combination | None:
    """Return the weighted sum of shares of the same units; None where any is undefined.

    Two shares with weights 1 and -1 have the interval of ``paired_difference``.

    Source: Zou, Huang and Zhang, Computational Statistics and Data Analysis 53 (2009) 1080-1085
    (MOVER of a linear function, on Wilson's limits), with the correlations of shares of the same
    units.

    >>> ones, right = np.ones(40), np.repeat([1.0, 0.0], 20)
    >>> found = combine([Ratio(right, ones), Ratio(np.roll(right, 2), ones)], [1, -1])
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.0, -0.094, 0.094)
    """
    if any(ratio.value is None for ratio in ratios):
        return None
    shares = [Share(ratio.above, ratio.below) for ratio in ratios]
    weighted = _Weighted(shares, np.array(weights, dtype=np.float64), correlate(ratios, shares))
    low, high = weighted.limits(z_of(level))
    return Combination(
        value=weighted.value,
        low=low,
        high=high,
        p=two_sided(weighted.z_touching_0()),
        enough=min(share.fewest for share in shares) >= _ENOUGH,
    )


def correlate(ratios: Sequence[Ratio], shares: Sequence[Share]) -> NDArray[np.float64]:
    """Return (K, K) how K shares vary together over samples of their units, each in [-1, 1].

    >>> right = Ratio(np.array([1.0, 0.0]), np.ones(2))
    >>> correlate([right, right], [Share(1, 2)] * 2).round(9).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    pulls = np.stack([ratio.influence() for ratio in ratios])
    together = pulls @ pulls.T / pulls.shape[1] ** 2
    spreads = np.sqrt([one.value * (1 - one.value) / one.denominator for one in shares])
    scale = np.outer(spreads, spreads)
    found: NDArray[np.float64] = np.divide(
        together, scale, out=np.zeros_like(together), where=scale > 0
    )
    np.clip(found, -1.0, 1.0, out=found)
    np.fill_diagonal(found, 1.0)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Weighted:
    shares: Sequence[Share]
    weights: NDArray[np.float64]
    correlations: NDArray[np.float64]

    @property
    def value(self) -> float:
        return weigh([share.value for share in self.shares], self.weights.tolist())

    def limits(self, z: float) -> tuple[float, float]:
        """Return the ends of the interval at ``z`` standard errors."""
        values = np.array([share.value for share in self.shares])
        ends = np.array([wilson_limits(one.value, one.denominator, z) for one in self.shares])
        lower, upper = values - ends[:, 0], ends[:, 1] - values
        positive = self.weights > 0
        down = self.weights * np.where(positive, lower, upper)
        up = self.weights * np.where(positive, upper, lower)
        least, most = self.weights[~positive].sum(), self.weights[positive].sum()
        return (
            max(float(least), self.value - self._length(down)),
            min(float(most), self.value + self._length(up)),
        )

    def z_touching_0(self) -> float:
        """Return the standard errors at which the interval reaches 0, without a sign."""
        value = self.value
        if value == 0:
            return 0.0
        if value > 0:
            return first_true(lambda z: self.limits(z)[0] <= 0)
        return first_true(lambda z: self.limits(z)[1] >= 0)

    def _length(self, parts: NDArray[np.float64]) -> float:
        # Rounding can leave it just below 0 where all shares are equal and correlated fully.
        return sqrt(max(0.0, float(parts @ self.correlations @ parts)))


def clustered_combination(
    ratios: Sequence[Ratio],
    weights: Sequence[float],
    cluster: NDArray[np.int64],
    level: float = 0.95,
) -> Clustered | None:
    """Return the weighted sum of ratios of the same units, by Student's t over clusters.

    None where any is undefined. The interval ends where such a sum of shares does. Source: as
    ``clustered_difference``.

    >>> one, other = (Ratio(np.array(row), np.ones(4)) for row in ([1.0, 1, 1, 0], [1.0, 0, 0, 0]))
    >>> found = clustered_combination([one, other], [1, -1], np.array([0, 0, 1, 1]))
    >>> found.value, found.clusters
    (0.5, 2)
    """
    values = [ratio.value for ratio in ratios]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    value = weigh(known, weights)
    counted = np.sum([ratio.denominator for ratio in ratios], axis=0) != 0
    clusters = len(np.unique(cluster[counted]))
    if clusters < 2:
        return Clustered(value, None, None, None, clusters, None)
    pulls = weigh_pulls(ratios, weights)
    error = pulled_error(pulls, cluster, clusters)
    half = t_quantile(clusters - 1, level) * error
    p = two_sided_t(value / error, clusters - 1) if error else float(value == 0)
    alone = float((pulls**2).sum()) / len(pulls) ** 2
    effect = error**2 / alone if alone else None
    least, most = (sum(w for w in weights if w * sign > 0) for sign in (-1, 1))
    low, high = max(least, value - half), min(most, value + half)
    return Clustered(value, low, high, p, clusters, effect)


def weigh(values: Sequence[float], weights: Sequence[float]) -> float:
    """Return a weighted sum of values, 0 where only rounding keeps it from that.

    >>> weigh([0.1, 0.1, 0.1, 0.1], [-1, 1 / 3, 1 / 3, 1 / 3])
    0.0
    """
    found = fsum(value * weight for value, weight in zip(values, weights, strict=True))
    return 0.0 if abs(found) < _ROUNDING else found


def weigh_pulls(ratios: Sequence[Ratio], weights: Sequence[float]) -> NDArray[np.float64]:
    """Return (N,) how each unit pulls at a weighted sum of ratios."""
    pulls = np.zeros(len(ratios[0].numerator))
    for ratio, weight in zip(ratios, weights, strict=True):
        pulls += weight * ratio.influence()
    return pulls


def pulled_error(
    pulls: NDArray[np.float64], cluster: NDArray[np.int64] | None, clusters: int = 0
) -> float:
    """Return the standard error of what (N,) units pull at, alone or in so many clusters.

    >>> pulled_error(np.array([1.0, -1.0, 1.0, -1.0]), None)
    0.5
    """
    if cluster is None:
        return sqrt(float((pulls**2).sum())) / len(pulls)
    sums = sum_by(pulls, cluster) / len(pulls)
    return sqrt(clusters / (clusters - 1) * float((sums**2).sum()))
