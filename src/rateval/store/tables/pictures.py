"""Pictures of test images in Parquet, with their masks as run lengths."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rateval.errors import RatevalError
from rateval.store.disk import writing
from rateval.store.remote.fetching import fetched

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Row = dict[str, Any]
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("index", pa.int64(), nullable=False),
        pa.field("stratum", pa.string(), nullable=False),
        pa.field("picture", pa.binary()),
        pa.field("width", pa.int16()),
        pa.field("height", pa.int16()),
        pa.field("mask", pa.list_(pa.int32())),
        pa.field("undefined", pa.string()),
    ]
)
"""Columns of pictures: a WebP file each, its size, and its mask, null without one. Where
``undefined`` says why there is no picture, these are null."""


def encode_mask(mask: NDArray[np.bool_]) -> list[int]:
    """Return the lengths of the runs of a mask (rows, cols), row by row, those of False first.

    >>> encode_mask(np.array([[False, True], [True, False]]))
    [1, 2, 1]
    >>> encode_mask(np.array([[True, True]]))
    [0, 2]
    """
    flat = mask.ravel()
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths: list[int] = np.diff(np.concatenate([[0], ends, [flat.size]])).tolist()
    return [0, *lengths] if flat.size and flat[0] else lengths


def decode_mask(runs: Sequence[int], height: int, width: int) -> NDArray[np.bool_]:
    """Return the mask (height, width) bool of ``encode_mask``.

    >>> decode_mask([1, 2, 1], 2, 2).tolist()
    [[False, True], [True, False]]
    """
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(height, width)


def take_turns(rows: Iterable[Row], strata: Iterable[str]) -> list[Row]:
    """Return rows of pictures, each stratum's first one before any one's second.

    ``strata`` give the order, the rarest first: so were they drawn, and what is cut off at the end
    leaves some of each.

    >>> rows = [{"id": name, "stratum": name[0]} for name in ("b1", "b2", "a1")]
    >>> [row["id"] for row in take_turns(rows, "ab")]
    ['a1', 'b1', 'b2']
    """
    by_stratum: dict[str, list[Row]] = {name: [] for name in strata}
    for row in rows:
        by_stratum.setdefault(row["stratum"], []).append(row)
    turns = zip_longest(*by_stratum.values())
    return [row for turn in turns for row in turn if row is not None]


def write_pictures(path: Path, rows: pa.Table) -> None:
    """Write rows of ``SCHEMA``; pictures are compressed already."""
    with writing(path):
        pq.write_table(rows.cast(SCHEMA), path, compression="none")


def read_pictures(path: Path) -> pa.Table:
    """Read rows of ``SCHEMA``. Raises RatevalError where there is no such file."""
    try:
        return pq.read_table(fetched(path), schema=SCHEMA)
    except FileNotFoundError:
        raise RatevalError(f"{path}: the stored result is gone; run the spec again") from None
