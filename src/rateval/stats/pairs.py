"""A share of pairs of units, each unit in several of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def worth_of_pairs(
    above: NDArray[np.bool_], first: NDArray[np.int64], second: NDArray[np.int64]
) -> float:
    """Return how many pairs without a unit in common (M,) pairs are worth, at most M.

    Any two pairs that share a unit may go together. Where all or none are ``above``, nothing is
    known of that, and each unit that comes first is worth one.

    Source: Aronow, Samii, Assenova, Political Analysis 23 (2015) 564-577.

    >>> one, two = np.repeat(np.arange(4), 2), np.arange(4, 12)
    >>> worth_of_pairs(np.repeat([True, False, True, False], 2), one, two)
    4.0
    """
    count = len(above)
    if not count or above.all() or not above.any():
        return float(len(np.unique(first)))
    share = above.mean()
    away = above - share
    units = max(int(first.max()), int(second.max())) + 1
    of_units = np.bincount(first, away, units) + np.bincount(second, away, units)
    ends = np.sort(np.stack([first, second], axis=1), axis=1)
    _, same = np.unique(ends, axis=0, return_inverse=True)
    of_both = np.bincount(same.ravel(), away)
    # Of what two pairs with both units in common add, each unit counts it once.
    variance = float((of_units**2).sum() - (of_both**2).sum())
    alone = float(share * (1 - share)) * count
    return count * min(1.0, alone / variance) if variance > 0 else float(count)
