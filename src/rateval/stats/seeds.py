"""The mean of a ratio over seeds that share their units: seeds and units both leave it open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from rateval.stats.ratio import Ratio, sum_by
from rateval.stats.student import t_quantile
from rateval.stats.wilson import wilson_limits, z_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over seeds with its interval."""

    value: float
    low: float
    high: float
    error: float
    """Standard error."""
    freedom: float
    """Degrees of freedom of its t."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What leaves a mean over seeds open: parts of its variance, and what is known of each."""

    of_seeds: float
    beyond: float
    """That of the units, without what seeds alone put into its estimate; at least 0."""
    seeds: int
    drawn: int
    """Units, or clusters of them."""

    @property
    def variance(self) -> float:
        """Of the mean."""
        return self.of_seeds + self.beyond


def parts_over_seeds(
    values: Sequence[float],
    influences: NDArray[np.float64],
    cluster: NDArray[np.int64] | None = None,
) -> Parts:
    """Return what leaves the mean of S values of the same N units open, for two seeds or more.

    ``influences`` and ``cluster`` as ``mean_over_seeds`` takes them.

    >>> influences = np.array([[0.5, -0.5, 0.0, 0.0], [0.5, 0.5, -0.5, -0.5]])
    >>> found = parts_over_seeds([0.5, 0.7], influences)
    >>> round(found.of_seeds, 3), found.beyond, found.drawn
    (0.01, 0.0, 4)
    """
    seeds, units = influences.shape
    if cluster is not None:
        influences = sum_by(influences, cluster)
    shared = influences.mean(axis=0)
    of_units = float((shared**2).sum()) / units**2
    of_both = float(((influences - shared) ** 2).sum()) / ((seeds - 1) * units**2)
    of_seeds = float(np.var(values, ddof=1)) / seeds
    beyond = max(of_units - of_both / seeds, 0.0)
    return Parts(of_seeds, beyond, seeds, influences.shape[1])


def mean_over_seeds(
    values: Sequence[float],
    influences: NDArray[np.float64],
    level: float = 0.95,
    cluster: NDArray[np.int64] | None = None,
) -> Mean | None:
    """Return the mean of S values, by seed, of the same N units; None below two seeds.

    ``influences`` is (S, N): ``Ratio.influence`` of each seed, or the difference of two ratios'.
    ``cluster`` (N,) numbers what units were drawn together, from 0 without gaps. None also where no
    seed and no unit varies, as where all shares are 0.

    The variance of the mean is that of the seeds plus that of the units, whose estimate loses what
    seeds alone put into it; degrees of freedom by Satterthwaite, Biometrics Bulletin 2 (1946)
    110-114.

    >>> influences = np.array([[0.5, -0.5, 0.0, 0.0], [0.5, 0.5, -0.5, -0.5]])
    >>> found = mean_over_seeds([0.5, 0.7], influences)
    >>> round(found.value, 3), round(found.error, 3), round(found.freedom, 2)
    (0.6, 0.1, 1.0)
    """
    seeds = len(influences)
    if seeds < 2:
        return None
    parts = parts_over_seeds(values, influences, cluster)
    variance, drawn = parts.variance, parts.drawn
    if not variance:
        return None
    doubt = parts.of_seeds**2 / (seeds - 1)
    doubt += parts.beyond**2 / (drawn - 1) if drawn > 1 else 0.0
    freedom = variance**2 / doubt
    value, error = float(np.mean(values)), sqrt(variance)
    half = t_quantile(freedom, level) * error
    return Mean(value, value - half, value + half, error, freedom)


def mean_of_seeds(values: Sequence[float], level: float = 0.95) -> Mean | None:
    """Return the mean of values by seeds that have units of their own: Student's t over seeds.

    None below two seeds, and where all values are the same.

    >>> found = mean_of_seeds([0.5, 0.7])
    >>> round(found.value, 3), round(found.error, 3), found.freedom
    (0.6, 0.1, 1)
    """
    seeds = len(values)
    error = float(np.std(values, ddof=1)) / sqrt(seeds) if seeds > 1 else 0.0
    if not error:
        return None
    value, half = float(np.mean(values)), t_quantile(seeds - 1, level) * error
    return Mean(value, value - half, value + half, error, seeds - 1)


def share_limits(
    share: float, units: float, seeds: int, mean: Mean | None, level: float = 0.95
) -> tuple[float, float]:
    """Return limits of a mean share over seeds that stay in [0, 1], for few units as well.

    They are Wilson's of as many units as leave the share as open as its standard error says, at
    Student's t; at most ``units`` by each of the ``seeds``. Where neither seeds nor units vary, or
    the share is 0 or 1 by all of them, they are those of one seed's units.

    >>> [round(end, 3) for end in share_limits(0.6, 20, 2, None)]
    [0.387, 0.781]
    >>> [round(end, 3) for end in share_limits(0.6, 20, 3, Mean(0.6, 0.4, 0.8, 0.1, 10.0))]
    [0.379, 0.786]
    """
    if mean is None or not 0 < share < 1:
        return wilson_limits(share, units, z_of(level))
    worth = min(share * (1 - share) / mean.error**2, units * seeds)
    return wilson_limits(share, worth, t_quantile(mean.freedom, level))


def stack_influences(ratios: Sequence[Ratio]) -> NDArray[np.float64]:
    """Return (S, N) the influences of ratios of the same units.

    >>> one = Ratio(np.array([1.0, 0.0]), np.ones(2))
    >>> stack_influences([one, one]).tolist()
    [[0.5, -0.5], [0.5, -0.5]]
    """
    return np.stack([ratio.influence() for ratio in ratios])
