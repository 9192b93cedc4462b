"""Images of two results matched by their ids, without an object for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import numpy as np
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
    rows = pc.indices_nonzero(place.is_valid())
    rows = rows.take(pa.array(_sort(first.take(rows))))
    return _plain(rows), _plain(place.take(rows))


def _sort(ids: pa.ChunkedArray) -> NDArray[np.int64]:
    return _plain(pc.sort_indices(ids))


def _plain(rows: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    plain: NDArray[np.int64] = rows.to_numpy().astype("int64")
    return plain
