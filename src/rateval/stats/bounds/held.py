"""Ratios held against a bound, alone or minus others: what units, seeds and clusters leave open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from rateval.stats.bounds.bound import Beside
from rateval.stats.bounds.tilted import tails, variance_at_bound
from rateval.stats.ratio import Ratio, sum_by
from rateval.stats.seeds import Parts, parts_over_seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Pair = tuple[Ratio, Ratio | None]
"""A ratio, and the one of the same units that is taken from it, if any."""

_GRID = 17
_ROUNDS = 5
"""Of a grid laid within a cell of the one before, which leaves a millionth."""
_EDGE = 1e-6
"""How near a limit comes to what no share lies beyond."""


class Held:
    """A ratio of N units, or a mean of several by seed, to be held against bounds.

    A test asks for all that leaves it open: the units, as far as they tell at all, and seeds and
    clusters where there are some. The largest p counts.

    - Units: how often units of the likeliest distribution at the bound (``tilted``) gave as much.
      Of several seeds, each unit counts with its mean over them.
    - Clusters: the variance of their sums at the bound, likewise, by Student's t.
    - Seeds: the variance of the seeds and that of the units, each by its own Student's t, as
      Cochran and Cox, Experimental Designs (1957), 4.14, weigh them. ``mean_over_seeds`` takes
      degrees of freedom from estimates instead, by which more than 5 % pass.

    >>> ones, right = np.ones(100), np.arange(100) < 80
    >>> same = Held([(Ratio(right * 1.0, ones), Ratio(right * 1.0, ones))])
    >>> above, below = same.test(np.array([-0.02]))  # 98 % to the power of 100 is 13 %
    >>> round(float(above[0]), 2), float(below[0])
    (0.13, 1.0)
    """

    def __init__(self, pairs: Sequence[Pair], cluster: NDArray[np.int64] | None = None) -> None:
        """Take a pair by each seed; ``cluster`` (N,) numbers units drawn together, from 0.

        Raises ValueError for a ratio of an empty denominator.
        """
        self._paired = pairs[0][1] is not None
        ratios = [ratio for pair in pairs for ratio in pair if ratio is not None]
        if not all(ratio.below for ratio in ratios):
            raise ValueError("a ratio of an empty denominator is held against nothing")
        rows = np.stack([part for r in ratios for part in (r.numerator, r.denominator)], axis=1)
        self._units = len(rows)
        self._rows, counts = np.unique(rows, axis=0, return_counts=True)
        self._counts = counts.astype(np.float64)
        self._sums = None if cluster is None else sum_by(rows.T, cluster).T
        changes = [r.above / r.below - (o.above / o.below if o else 0.0) for r, o in pairs]
        self._changes = np.array(changes)
        self._parts: Parts | None = None
        if len(pairs) > 1:
            pulls = [r.influence() - (o.influence() if o else 0.0) for r, o in pairs]
            self._parts = parts_over_seeds(changes, np.stack(pulls), cluster)

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(self._changes.mean())

    @property
    def clusters(self) -> int | None:
        """Clusters with a unit in a denominator; None where units were drawn one by one."""
        if self._sums is None:
            return None
        return int(np.count_nonzero((self._sums[:, 1::2] != 0).any(axis=1)))

    def beside(self, bound: float, level: float, level_above: float | None = None) -> Beside:
        """Return both tests at a bound, and the limits of these tests at ``level`` of one side.

        ``level_above`` is that of the upper limit where it is another one.
        """
        above, below = self.test(np.array([bound]))
        value, least = self.value, -1.0 if self._paired else 0.0
        ends = least + _EDGE, 1 - _EDGE
        alpha, above_alpha = 1 - level, 1 - (level if level_above is None else level_above)
        low = _last(lambda at: self.test(at)[0] <= alpha, min(ends[0], value), value, least)
        high = -_last(
            lambda at: self.test(-at)[1] <= above_alpha, min(-ends[1], -value), -value, -1.0
        )
        return Beside(value, low, high, float(above[0]), float(below[0]))

    def test(self, bounds: Floats) -> tuple[Floats, Floats]:
        """Return the one-sided p of a value above each bound, (G,), and of one below."""
        counts = np.broadcast_to(self._counts, (len(bounds), len(self._counts)))
        found = [by_units(self._rows, counts, bounds, paired=self._paired)]
        if self._parts is not None and self._parts.variance:
            found.append(by_both(self.value - bounds, self._parts))
        elif self._sums is not None:
            found.append(self._by_clusters(bounds))
        above, below = (np.max(side, axis=0) for side in zip(*found, strict=True))
        return above, below

    def _by_clusters(self, bounds: Floats) -> tuple[Floats, Floats]:
        assert self._sums is not None
        counted = self._sums[(self._sums[:, 1::2] != 0).any(axis=1)]
        clusters = len(counted)
        lot = _Lot(self._rows, self._counts[None], self._paired)
        sums = lot.beyond(lot.at(bounds), counted) * (clusters / self._units)
        ends = _widen(sums, np.zeros(len(bounds)), np.zeros(len(bounds)))
        variance = variance_at_bound(sums, np.ones(clusters), ends) / (clusters - 1)
        return _by_t((self.value - bounds) / np.sqrt(variance), clusters - 1)


def by_units(
    rows: Floats, counts: Floats, bounds: Floats, *, paired: bool
) -> tuple[Floats, Floats]:
    """Return the one-sided p of values above bounds, (G,), and below, of units drawn one by one.

    ``rows`` (U, 2R) are what different units add to the numerator and the denominator of each of R
    ratios, where ``paired`` each second one is taken from the one before; ``counts`` (G, U) are how
    many units there are of each, (1, U) where they are the same beside all bounds.

    >>> rows = np.array([[1.0, 1, 1, 1], [0, 1, 1, 1], [0, 1, 0, 1]])
    >>> counts = np.array([[80.0, 0, 20], [78, 2, 20]])
    >>> above, _ = by_units(rows, counts, np.array([-0.02, -0.1]), paired=True)
    >>> above.round(3).tolist()
    [0.133, 0.002]
    """
    lot = _Lot(rows, counts, paired)
    at = lot.at(bounds)
    beyond = lot.beyond(at, rows)
    weight = lot.scale * rows[:, 1::2].max(axis=0)
    up, down = np.where(lot.signs > 0, 1 - at, at), np.where(lot.signs > 0, at, 1 - at)
    ends = _widen(beyond, -(down * weight).sum(axis=1), (up * weight).sum(axis=1))
    step = 1 / (lot.seeds * lot.below.max(axis=1))
    return tails(beyond, counts, ends, np.broadcast_to(step, (len(bounds),)))


class _Lot:
    """Counts of different units, each for itself, and the ratios that they make."""

    def __init__(self, rows: Floats, counts: Floats, paired: bool) -> None:
        """Take rows and counts as ``by_units`` does."""
        self.paired, ratios = paired, rows.shape[1] // 2
        self.seeds = ratios // 2 if paired else ratios
        self.signs = np.tile([1.0, -1.0] if paired else [1.0], self.seeds)
        self.below = counts @ rows[:, 1::2]
        self.shares = (counts @ rows[:, 0::2]) / self.below
        self.scale = counts.sum(axis=1)[:, None] / self.below / self.seeds
        """How much more of the value one unit is than of all units; (C, R)."""

    def at(self, bounds: Floats) -> Floats:
        """Return (G, R) shares by which the value is at each bound, near those that were found."""
        value = (self.shares * self.signs).sum(axis=1) / self.seeds
        if not self.paired:
            shares: Floats = self.shares + (bounds - value)[:, None]
            return shares
        ours, theirs = self.shares[:, 0::2], self.shares[:, 1::2]
        targets = ours - theirs + (bounds - value)[:, None]
        least, most = np.maximum(0.0, -targets), np.minimum(1.0, 1 - targets)
        other = np.clip((ours + theirs - targets) / 2, least, np.maximum(least, most))
        return np.stack([other + targets, other], axis=2).reshape(len(bounds), -1)

    def beyond(self, at: Floats, rows: Floats) -> Floats:
        """Return (G, U) what units, or sums of them, add beyond (G, R) shares, scaled to units."""
        weight = self.signs * self.scale
        found: Floats = weight @ rows[:, 0::2].T - (at * weight) @ rows[:, 1::2].T
        return found


def _widen(values: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return ends that hold all values, and something on either side of 0."""
    return (
        np.minimum(np.minimum(low, values.min(axis=1)), -_EDGE),
        np.maximum(np.maximum(high, values.max(axis=1)), _EDGE),
    )


def by_both(distance: Floats, parts: Parts) -> tuple[Floats, Floats]:
    """Return the one-sided p of a mean over seeds so far above a bound, and of one below it.

    Source: Cochran and Cox, Experimental Designs (1957), 4.14.

    >>> parts = Parts(of_seeds=0.0001, beyond=0.0003, seeds=3, drawn=1000)
    >>> above, below = by_both(np.array([0.04, 0.0]), parts)
    >>> above.round(3).tolist(), below.round(3).tolist()
    ([0.048, 0.5], [0.952, 0.5])
    """
    from scipy.special import ndtr, stdtr, stdtrit

    error = sqrt(parts.variance)
    of_seeds, beyond = parts.of_seeds / parts.variance, parts.beyond / parts.variance
    far = np.abs(distance) / error
    low, high = np.zeros_like(far), np.full_like(far, 38.0)
    for _ in range(60):
        z = (low + high) / 2
        p = ndtr(-z)
        reached = np.zeros_like(far)
        for weight, freedom in ((of_seeds, parts.seeds - 1), (beyond, max(parts.drawn - 1, 1))):
            if weight:
                reached = reached - weight * stdtrit(freedom, p)
        low, high = np.where(reached < far, z, low), np.where(reached < far, high, z)
    p = ndtr(-(low + high) / 2)
    if not beyond:
        p = stdtr(parts.seeds - 1, -far)
    return np.where(distance > 0, p, 1 - p), np.where(distance > 0, 1 - p, p)


def _by_t(t: Floats, freedom: float) -> tuple[Floats, Floats]:
    from scipy.special import stdtr

    return stdtr(freedom, -t), stdtr(freedom, t)


def _last(
    holds: Callable[[Floats], NDArray[np.bool_]], low: float, high: float, edge: float
) -> float:
    """Return where something stops holding between two ends; ``edge`` where it never does."""
    for turn in range(_ROUNDS):
        grid = np.linspace(low, high, _GRID)
        held = holds(grid)
        if held.all():
            return float(high)
        first = int(np.argmin(held))
        if first == 0:
            return edge if turn == 0 else float(low)
        low, high = float(grid[first - 1]), float(grid[first])
    return low
