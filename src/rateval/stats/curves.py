"""Two curves of shares over thresholds: their paired difference at each, and where they cross."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rateval.stats.wilson import z_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class SharePair:
    """Two shares of the same units by each of T thresholds, all arrays (T,) of counts."""

    above: NDArray[np.float64]
    below: NDArray[np.float64]
    other_above: NDArray[np.float64]
    other_below: NDArray[np.float64]
    both_above: NDArray[np.float64]
    """Units in both numerators; the others as in ``Joint``."""
    above_below: NDArray[np.float64]
    below_above: NDArray[np.float64]
    both_below: NDArray[np.float64]


def paired_limits(
    pair: SharePair, level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends (T,) of the intervals of the first share minus the second, as ``difference``.

    Each holds for one threshold, not for all of them at once. NaN where either is undefined.

    >>> two = np.array([20.0]), np.array([40.0])
    >>> low, high = paired_limits(SharePair(*two, *two, two[0] - 2, two[0], two[0], two[1]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([-0.094], [0.094])
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        one, other = pair.above / pair.below, pair.other_above / pair.other_below
        alone = one * (1 - one) / pair.below * other * (1 - other) / pair.other_below
        together = (
            pair.both_above
            - other * pair.above_below
            - one * pair.below_above
            + one * other * pair.both_below
        ) / (pair.below * pair.other_below)
        rho = np.where(alone > 0, np.clip(together / np.sqrt(alone), -1, 1), 0.0)
        z = z_of(level)
        low, high = _wilson(one, pair.below, z)
        other_low, other_high = _wilson(other, pair.other_below, z)
        value = one - other
        return (
            np.maximum(-1, value - _length(one - low, other_high - other, rho)),
            np.minimum(1, value + _length(high - one, other - other_low, rho)),
        )


def _wilson(
    share: NDArray[np.float64], count: NDArray[np.float64], z: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    shrink = 1 + z * z / count
    centre = (share + z * z / (2 * count)) / shrink
    half = z / shrink * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return np.maximum(0, np.minimum(share, centre - half)), np.minimum(
        1, np.maximum(share, centre + half)
    )


def _length(
    one: NDArray[np.float64], other: NDArray[np.float64], rho: NDArray[np.float64]
) -> NDArray[np.float64]:
    length: NDArray[np.float64] = np.sqrt(np.maximum(0, one**2 + other**2 - 2 * rho * one * other))
    return length


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where a difference of two curves changes its sign."""

    at: int
    """Place of the first threshold with the new sign."""
    rises: bool
    """Whether the new sign is that above 0."""
    clear_below: int | None = None
    """Place of the nearest threshold before it by which the old sign is clear."""
    clear_above: int | None = None
    """Place of the nearest one from it on by which the new one is; None where either is never."""


_ZERO = 1e-12
"""Differences of means below which there is none: what rounding leaves."""


def find_crossings(
    difference: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> list[Crossing]:
    """Return where a difference (T,) changes its sign, and whether its intervals bear that.

    A difference of 0, and one that is NaN, is passed over, and so is an interval of NaN.

    >>> none = np.full(4, np.nan)
    >>> find_crossings(np.array([-0.2, 0.0, np.nan, 0.1]), none, none)
    [Crossing(at=3, rises=True, clear_below=None, clear_above=None)]
    """
    signs = np.where(np.abs(difference) > _ZERO, np.sign(difference), 0)
    places = np.flatnonzero(np.nan_to_num(signs))
    turns = np.flatnonzero(np.diff(signs[places])) + 1
    clear = np.where(low > 0, 1, np.where(high < 0, -1, 0))
    bearing = np.flatnonzero(clear)
    found = []
    for at in places[turns].tolist():
        new, after = signs[at], int(np.searchsorted(bearing, at))
        below = bearing[after - 1] if after else None
        above = bearing[after] if after < len(bearing) else None
        if below is None or above is None or clear[below] == new or clear[above] != new:
            below = above = None
        found.append(
            Crossing(
                at,
                bool(new > 0),
                None if below is None else int(below),
                None if above is None else int(above),
            )
        )
    return found
