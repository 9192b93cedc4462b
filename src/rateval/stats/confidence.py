"""How far a confidence can be trusted: its calibration, and whether it tells right from wrong."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from rateval.stats.ranks import average_ranks
from rateval.stats.wilson import z_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BINS = 15
"""As in the paper that gave the error its name."""

_DRAWS = 2000
"""Bootstrap samples of an interval."""


@dataclass(frozen=True, slots=True)
class Within:
    """A number with its interval."""

    value: float
    low: float | None
    """None where there is no interval."""
    high: float | None


def calibration_error(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], level: float = 0.95
) -> Within | None:
    """Return the expected calibration error over 15 bins of equal width; None without a unit.

    ``confidence`` (N,) in [0, 1] is the probability of what was predicted. The interval is the
    basic bootstrap's, which takes off what the error is too large by in small samples. Its samples
    keep the mean confidence of the right and of the wrong units of a bin, and are always the same.

    Source: Guo et al., ICML 2017, arXiv 1706.04599.

    >>> round(calibration_error(np.array([0.9, 0.9]), np.array([True, False])).value, 3)
    0.4
    """
    units = len(confidence)
    if not units:
        return None
    bins = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1) * 2 + correct
    counts = np.bincount(bins, minlength=2 * _BINS)
    sums = np.bincount(bins, weights=confidence, minlength=2 * _BINS)
    means = sums / np.maximum(counts, 1)
    value = float(_error(counts[None, :], means)[0]) / units
    draws = np.random.default_rng(0).multinomial(units, counts / units, size=_DRAWS)
    tail = (1 - level) / 2
    low, high = 2 * value - np.quantile(_error(draws, means) / units, [1 - tail, tail])
    return Within(value, max(0.0, min(float(low), value)), max(value, float(high)))


def _error(counts: NDArray[np.int64], means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (M,) the error times the units, of counts (M, 2 * bins), wrong and right in turns."""
    weights = means * counts
    confident = weights[:, 0::2] + weights[:, 1::2]
    found: NDArray[np.float64] = np.abs(confident - counts[:, 1::2]).sum(axis=1)
    return found


def ranking_ability(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], level: float = 0.95
) -> Within | None:
    """Return how often a right unit has more confidence than a wrong one: the AUROC.

    Equal ones count half. None where all are right, or all are wrong. The interval is on the scale
    of the logit; there is none where the value is 0 or 1, or either kind has one unit only.

    Source: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837-845.

    >>> found = ranking_ability(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True]))
    >>> round(found.value, 4)
    0.6667
    """
    right, wrong = confidence[correct], confidence[~correct]
    m, n = len(right), len(wrong)
    if not m or not n:
        return None
    ranks = average_ranks(np.concatenate([right, wrong])[None, :])[0]
    above = (ranks[:m] - average_ranks(right[None, :])[0]) / n
    below = 1 - (ranks[m:] - average_ranks(wrong[None, :])[0]) / m
    value = float(above.mean())
    if m < 2 or n < 2 or not 0 < value < 1:
        return Within(value, None, None)
    error = sqrt(float(above.var(ddof=1)) / m + float(below.var(ddof=1)) / n)
    half = z_of(level) * error / (value * (1 - value))
    middle = log(value / (1 - value))
    low, high = (1 / (1 + exp(-end)) for end in (middle - half, middle + half))
    return Within(value, low, high)
