"""Metrics over answers that are right to a share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rateval.stats.ratio import Ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray


def soften(
    table: NDArray[np.float64], states: NDArray[np.uint8], soft: NDArray[np.float64]
) -> Ratio:
    """Return a metric as a ratio where an answer is right to the share ``soft`` (N,).

    ``table`` (STATES, 2) is what one sample of each state adds; the lowest bit of a state says
    whether it is right. So PT is sum(s v) / sum(s), and IR is sum(s v) / sum(v).

    >>> table = np.zeros((32, 2))
    >>> table[[7, 5]] = (1, 1), (0, 1)
    >>> found = soften(table, np.array([7, 4], np.uint8), np.array([0.75, 0.25]))
    >>> found.above, found.below
    (0.75, 1.0)
    """
    right, wrong = table[states | np.uint8(1)], table[states & np.uint8(0xFE)]
    adds = soft[:, None] * right + (1 - soft[:, None]) * wrong
    return Ratio(adds[:, 0], adds[:, 1])
