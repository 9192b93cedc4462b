"""Images matched by Arrow are those that numpy finds, in its order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from rateval.store.ids import match_ids

NAMES = [f"{'é中~a/'[at % 5]}{at * 7919 % 1000}" for at in range(60)]


def chunked(names: list[str], size: int) -> pa.ChunkedArray:
    parts = [names[at : at + size] for at in range(0, len(names), size)]
    return pa.chunked_array([pa.array(part, pa.string()) for part in parts], pa.string())


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (NAMES, NAMES),
        (NAMES, NAMES[::-1]),
        (NAMES[:40], NAMES[20:]),
        (NAMES[::2], NAMES),
        (NAMES[:5], NAMES[5:]),
        ([], NAMES),
        ([], []),
    ],
)
def test_rows_are_those_of_numpy(first: list[str], second: list[str], size: int) -> None:
    found = match_ids(chunked(first, size), chunked(second, size))
    ours, theirs = (np.array(names, dtype=np.str_) for names in (first, second))
    _, *expected = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
    for rows, others in zip(found, expected, strict=True):
        assert rows.dtype == np.int64
        assert rows.tolist() == others.tolist()
