"""The test of a mean under the nearest distribution that has the bound for its mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_HALVINGS = 45
"""Of an interval that holds a root, after which float64 tells no more of it."""
_STEEPEST = 60.0
"""Logarithm of how far a saddlepoint weighs the ends of a distribution apart."""
_FLAT = 1e-4
"""Standard errors from the mean within which a tail is half of everything."""


def tails(
    values: Floats, counts: Floats, ends: tuple[Floats, Floats], step: Floats
) -> tuple[Floats, Floats]:
    """Return the one-sided p of a mean above 0, and of one below, for any number of samples.

    ``values`` (..., U) are what units add, minus the bound, and ``counts`` (..., U) how many units
    add that. ``ends`` (...) are the least, below 0, and the most, above 0, that any unit could add,
    whether one was drawn or not. ``step`` (...) is the smallest difference of two means.

    The units' distribution is taken to be the likeliest of those whose mean is 0: what was drawn,
    tilted, with as much more at an end as that needs. A p is how often a mean of so many of its
    units lies as far or farther; half a step more is asked for, as of any count.

    Source: Owen, Empirical Likelihood (2001), chapter 2; for differences of paired shares this is
    the distribution at the bound of Tango, Statistics in Medicine 17 (1998) 891-908. Tails by
    Lugannani and Rice, Advances in Applied Probability 12 (1980) 475-490, with the correction of
    Daniels, International Statistical Review 55 (1987) 37-48, for means that go by steps.

    >>> values, counts = np.array([-0.8, 0.2]), np.array([11.0, 89.0])  # 89 of 100 beside 80 %
    >>> ends, step = (np.array(-0.8), np.array(0.2)), np.array(0.01)
    >>> above, below = tails(values, counts, ends, step)
    >>> round(float(above), 3), round(float(below), 3)  # exactly 0.0126 and 0.9939
    (0.013, 0.994)
    """
    units = counts.sum(axis=-1)
    mean = (counts * values).sum(axis=-1) / units
    values, weights = _tilt(values, counts, ends)
    return (
        _tail(values, weights, units, mean, step),
        _tail(-values, weights, units, -mean, step),
    )


def variance_at_bound(values: Floats, counts: Floats, ends: tuple[Floats, Floats]) -> Floats:
    """Return the variance of units of that distribution, with arguments as ``tails`` takes them.

    >>> values, counts = np.array([-0.8, 0.2]), np.array([11.0, 89.0])
    >>> round(float(variance_at_bound(values, counts, (np.array(-0.8), np.array(0.2)))), 4)
    0.16
    """
    values, weights = _tilt(values, counts, ends)
    variance: Floats = (weights * values**2).sum(axis=-1)
    return variance


def _tilt(values: Floats, counts: Floats, ends: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Return values with both ends, and the likeliest weights of them by which the mean is 0."""
    low, high = (np.broadcast_to(end, values.shape[:-1])[..., None] for end in ends)
    values = np.concatenate([values, low, high], axis=-1)
    counts = np.concatenate(
        [np.broadcast_to(counts, low.shape[:-1] + counts.shape[-1:]), 0 * low, 0 * high], axis=-1
    )
    there = counts > 0
    least, most = -1 / values.max(axis=-1), -1 / values.min(axis=-1)

    def weigh(tilt: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(there, counts / (1 + tilt[..., None] * values), 0.0)

    tilt = _halve(lambda at: (weigh(at) * values).sum(axis=-1) > 0, least, most)
    weights = weigh(tilt) / counts.sum(axis=-1)[..., None]
    lacking = np.maximum(1 - weights.sum(axis=-1), 0.0)
    weights[..., -2] = np.where(tilt > 0, lacking, 0.0)
    weights[..., -1] = np.where(tilt > 0, 0.0, lacking)
    return values, weights


def _tail(values: Floats, weights: Floats, units: Floats, mean: Floats, step: Floats) -> Floats:
    """Return how often a mean of ``units`` values lies at ``mean`` or above."""
    from scipy.special import ndtr

    at, width = mean - step / 2, step * units
    wide = np.abs(values).max(axis=-1)

    def turn(slope: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the size, the mean and the variance of weights that are turned so far."""
        turned = weights * np.exp(slope[..., None] * values)
        size = turned.sum(axis=-1)
        centre = (turned * values).sum(axis=-1) / size
        apart = (values - centre[..., None]) ** 2
        return size, centre, (turned * apart).sum(axis=-1) / size

    slope = _halve(lambda by: turn(by)[1] < at, -_STEEPEST / wide, _STEEPEST / wide)
    size, _, variance = turn(slope)
    root = np.sign(slope) * np.sqrt(np.maximum(2 * units * (slope * at - np.log(size)), 0.0))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        stretched = 2 * np.sinh(slope * width / 2) / width * np.sqrt(units * variance)
        density = np.exp(-(root**2) / 2) / np.sqrt(2 * np.pi)
        p = ndtr(-root) + density * (1 / stretched - 1 / root)
    p = np.where(np.abs(root) < _FLAT, 0.5, p)
    least = np.where(weights > 0, values, np.inf).min(axis=-1)
    most = np.where(weights > 0, values, -np.inf).max(axis=-1)
    # Where all units add the most, they all have to: a tail of one outcome is known exactly.
    utmost = np.where(values >= most[..., None], weights, 0.0).sum(axis=-1) ** units
    p = np.where(mean >= most - _FLAT * step, utmost, np.where(at <= least, 1.0, p))
    return np.clip(p, 0.0, 1.0)


def _halve(rises: Callable[[Floats], NDArray[np.bool_]], low: Floats, high: Floats) -> Floats:
    """Return where something stops holding between two ends."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        held = rises(middle)
        low, high = np.where(held, middle, low), np.where(held, high, middle)
    return (low + high) / 2
