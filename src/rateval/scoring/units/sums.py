"""What the units of each sample add to metrics, where cells of one test have units of their own.

Of one image a caption may mention three things, another one none, and what two models mention
differs. Their scores are ratios of sums over units; samples are what both have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rateval.stats.ratio import Ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """The samples of one cell by one validator, those without a unit among them."""

    positions: NDArray[np.int64]
    """(N,) in the test split, ascending."""
    adds: tuple[NDArray[np.float64] | None, ...]
    """One per metric: (N, 2) what the units of each sample add together to its numerator and its
    denominator; None for one that is no sum over units."""
    wrong: NDArray[np.float64]
    """(N, 2) how many of them are wrong, and how many there are."""
    cluster: NDArray[np.int64] | None = None
    """(N,) number of each sample's cluster; None where each stands for itself."""

    def ratio(self, metric: int, chosen: NDArray[np.bool_] | None = None) -> Ratio | None:
        """Return a metric as what each of the chosen samples adds; None where it is no sum."""
        adds = self.adds[metric]
        return None if adds is None else _ratio(adds, chosen)

    def renumber(self, positions: NDArray[np.int64]) -> Sums:
        """Return it with other numbers for its samples, (N,)."""
        order = np.argsort(positions, kind="stable")
        return Sums(
            positions[order],
            tuple(None if one is None else one[order] for one in self.adds),
            self.wrong[order],
            None if self.cluster is None else self.cluster[order],
        )

    def error(self, chosen: NDArray[np.bool_] | None = None) -> Ratio:
        """Return the share of wrong predictions."""
        return _ratio(self.wrong, chosen)

    def among(self, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which samples lie at any of these positions, (N,) bool."""
        return np.isin(self.positions, positions, assume_unique=True)


def sum_units(
    samples: NDArray[np.int64],
    units: NDArray[np.int64],
    states: NDArray[np.uint8],
    tables: Sequence[NDArray[np.float64] | None],
    cluster: NDArray[np.int64] | None,
) -> Sums:
    """Sum what units add within their samples.

    ``samples`` (N,) are positions, ascending; ``units`` (U,) those of the units' samples.

    >>> table = np.array([[0.0, 0.0], [1.0, 1.0]])
    >>> states = np.array([1, 1, 0], dtype=np.uint8)
    >>> found = sum_units(np.array([4, 7, 9]), np.array([4, 4, 9]), states, [table], None)
    >>> found.adds[0].tolist()
    [[2.0, 2.0], [0.0, 0.0], [0.0, 0.0]]
    """
    place, count = np.searchsorted(samples, units), len(samples)

    def add(each: NDArray[np.float64]) -> NDArray[np.float64]:
        columns = [np.bincount(place, weights=column, minlength=count) for column in each.T]
        return np.stack(columns, axis=1).astype(np.float64)

    wrong = np.stack([states & 1 == 0, np.ones(len(states), dtype=np.bool_)], axis=1)
    return Sums(
        samples,
        tuple(None if table is None else add(table[states]) for table in tables),
        add(wrong.astype(np.float64)),
        cluster,
    )


def _ratio(adds: NDArray[np.float64], chosen: NDArray[np.bool_] | None) -> Ratio:
    kept = adds if chosen is None else adds[chosen]
    return Ratio(kept[:, 0], kept[:, 1])
