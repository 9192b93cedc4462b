"""Masks as run lengths, there and back."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from rateval.store.tables.pictures import (
    SCHEMA,
    decode_mask,
    encode_mask,
    read_pictures,
    write_pictures,
)


def by_loops(mask: NDArray[np.bool_]) -> list[int]:
    runs = [(value, len(list(run))) for value, run in groupby(mask.ravel().tolist())]
    return ([0] if runs and runs[0][0] else []) + [length for _, length in runs]


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((3, 5), dtype=bool),
        np.ones((3, 5), dtype=bool),
        np.eye(7, dtype=bool),
        ~np.eye(7, dtype=bool),
        np.random.default_rng(0).random((31, 17)) < 0.3,
        np.ones((1, 1), dtype=bool),
    ],
)
def test_a_mask_comes_back_as_it_was(mask: NDArray[np.bool_]) -> None:
    runs = encode_mask(mask)
    assert runs == by_loops(mask)
    assert sum(runs) == mask.size
    assert np.array_equal(decode_mask(runs, *mask.shape), mask)


def test_the_first_run_is_of_false() -> None:
    assert encode_mask(np.ones((2, 2), dtype=bool)) == [0, 4]
    assert encode_mask(np.zeros((2, 2), dtype=bool)) == [4]


def test_rows_come_back_with_what_is_null(tmp_path: Path) -> None:
    rows = pa.Table.from_pylist(
        [
            {"id": "a", "index": 4, "stratum": "RR", "picture": b"RIFF", "width": 2, "height": 1},
            {"id": "b", "index": 7, "stratum": "RW", "undefined": "missing file"},
        ],
        SCHEMA,
    )
    write_pictures(tmp_path / "p.parquet", rows)
    found = read_pictures(tmp_path / "p.parquet")
    assert found.equals(rows)
    assert found.column("mask").to_pylist() == [None, None]
