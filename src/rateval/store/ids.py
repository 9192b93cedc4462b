"""Images of two results matched by their ids, without an object for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray


def match_ids(
    first: pa.ChunkedArray, second: pa.ChunkedArray
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of the images that both have, (N,) int64 of either, in the order of the ids.

    That order is the same wherever results lie. Each id is there once at most.

    >>> ours, theirs = pa.chunked_array([["b", "c", "a"]]), pa.chunked_array([["a", "b", "d"]])
    >>> [rows.tolist() for rows in match_ids(ours, theirs)]
    [[2, 0], [0, 1]]
    """
    if first.equals(second):  # as those of one test are
        order = _sort(first)
        return order, order
    place = pc.index_in(first, value_set=second.combine_chunks())
    # Not pc.indices_nonzero, which ends the process where there are no rows.
    rows = np.flatnonzero(place.is_valid().to_numpy())
    rows = rows[_sort(first.take(pa.array(rows)))]
    return rows, _plain(place.take(pa.array(rows)))


def _sort(ids: pa.ChunkedArray) -> NDArray[np.int64]:
    return _plain(pc.sort_indices(ids))


def _plain(rows: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    return np.asarray(rows.to_numpy(), dtype=np.int64)
