"""A ratio of sums over units, such as PT: what each unit adds to its numerator and denominator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Ratio:
    """A ratio of sums over N units that are counted once each.

    >>> found = Ratio(np.array([1.0, 0.0, 0.0]), np.array([1.0, 1.0, 0.0]))
    >>> found.above, found.below, found.value
    (1.0, 2.0, 0.5)
    """

    numerator: NDArray[np.float64]
    """(N,) what each unit adds to the numerator; for a share 0 or 1."""
    denominator: NDArray[np.float64]
    """(N,) what each unit adds to the denominator; 0 for one that doesn't count."""

    @property
    def above(self) -> float:
        """The numerator."""
        return float(self.numerator.sum())

    @property
    def below(self) -> float:
        """The denominator."""
        return float(self.denominator.sum())

    @property
    def value(self) -> float | None:
        """The ratio; None when nothing is in its denominator."""
        below = self.below
        return self.above / below if below else None

    @property
    def is_share(self) -> bool:
        """Whether it is a share of counts: units are in it or not, and no unit above alone."""
        whole = np.isin(self.numerator, (0, 1)) & np.isin(self.denominator, (0, 1))
        return bool((whole & (self.numerator <= self.denominator)).all())

    def influence(self) -> NDArray[np.float64]:
        """Return (N,) how each unit pulls at the ratio: its linearised deviation, of mean 0.

        The variance of the ratio is that of their mean. Raises ValueError for an empty denominator.

        Source: Woodruff, JASA 66 (1971) 411-414.

        >>> Ratio(np.array([1.0, 0.0, 0.0]), np.array([1.0, 1.0, 0.0])).influence().tolist()
        [0.75, -0.75, 0.0]
        """
        below = self.below
        if not below:
            raise ValueError("a ratio of an empty denominator has no influences")
        residual: NDArray[np.float64] = self.numerator - self.above / below * self.denominator
        return residual * (len(residual) / below)


def sum_by(values: NDArray[np.float64], cluster: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sums of values (..., N) within clusters, (..., K) in the order of their numbers.

    ``cluster`` (N,) numbers them from 0 without gaps.

    >>> sum_by(np.array([[1.0, 2.0, 4.0]]), np.array([0, 1, 0])).tolist()
    [[5.0, 2.0]]
    """
    if not len(cluster):
        return np.zeros((*values.shape[:-1], 0))
    rows = values.reshape(-1, len(cluster))
    sums = np.stack([np.bincount(cluster, weights=row) for row in rows])
    return sums.astype(np.float64).reshape(*values.shape[:-1], -1)


def number_clusters(names: Sequence[object]) -> NDArray[np.int64]:
    """Number clusters by their names, (N,) int64, from 0 in the order in which they appear.

    >>> number_clusters(["b", "a", "b"]).tolist()
    [0, 1, 0]
    """
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)
