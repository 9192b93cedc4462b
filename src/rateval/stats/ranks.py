"""Rank correlation of relevance maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def average_ranks(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Rank each row of (N, P) from 1 up; equal values share the mean of their ranks.

    >>> average_ranks(np.array([[0.5, 0.1, 0.5]])).tolist()
    [[2.5, 1.0, 2.5]]
    """
    order = values.argsort(axis=1, kind="stable")
    ascending = np.take_along_axis(values, order, axis=1)
    places = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    differs = ascending[:, 1:] != ascending[:, :-1]
    edge = np.ones((len(values), 1), dtype=np.bool_)
    starts, ends = np.hstack([edge, differs]), np.hstack([differs, edge])
    first = np.maximum.accumulate(np.where(starts, places, 0), axis=1)
    behind = np.where(ends, places, values.shape[1])[:, ::-1]
    last = np.minimum.accumulate(behind, axis=1)[:, ::-1]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=1)
    return ranks


def rank_correlations(
    first: NDArray[np.floating[Any]], second: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return Spearman's correlation of each pair of rows of (N, P), and where it is defined, (N,).

    It is not defined where a row is constant or not finite; the value there means nothing.

    Source: Spearman, American Journal of Psychology 15 (1904) 72-101, as Pearson's correlation of
    average ranks.

    >>> rank_correlations(np.array([[1.0, 2.0, 4.0]]), np.array([[1.0, 3.0, 9.0]]))
    (array([1.]), array([ True]))
    """
    finite = np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
    one, other = (_centred_ranks(values, finite) for values in (first, second))
    spread = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    defined = finite & (spread > 0)
    correlation = (one * other).sum(axis=1) / np.where(defined, spread, 1)
    return np.clip(correlation, -1, 1), defined


def _centred_ranks(
    values: NDArray[np.floating[Any]], finite: NDArray[np.bool_]
) -> NDArray[np.float64]:
    ranks = average_ranks(np.where(finite[:, None], values, 0))
    # The mean of ranks is known exactly, ties or not; a constant row must come out as zeros.
    ranks -= (values.shape[1] + 1) / 2
    return ranks
