"""Maps of single tokens in Parquet, one row for each text that was drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rateval.store.disk import writing
from rateval.store.remote.fetching import fetched

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FILE = "tokens.parquet"
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("starts", pa.list_(pa.int32())),
        pa.field("stops", pa.list_(pa.int32())),
        pa.field("rows", pa.int16()),
        pa.field("cols", pa.int16()),
        pa.field("relevance", pa.binary()),
        pa.field("undefined", pa.string()),
    ]
)
"""Columns: id of the unit, what was answered, where its T tokens start and stop in characters, and
their maps (T, rows, cols) float16, little-endian, each scaled to a maximum of 1. Where
``undefined`` says why there are no maps, these are null."""


def pack_maps(maps: NDArray[np.float16]) -> bytes:
    """Return maps (T, rows, cols) as ``SCHEMA`` has them."""
    return np.ascontiguousarray(maps, "<f2").tobytes()


def unpack_maps(packed: bytes, rows: int, cols: int) -> NDArray[np.float16]:
    """Return the maps (T, rows, cols) of ``pack_maps``.

    >>> maps = np.arange(8, dtype=np.float16).reshape(2, 2, 2)
    >>> bool((unpack_maps(pack_maps(maps), 2, 2) == maps).all())
    True
    """
    return np.frombuffer(packed, "<f2").astype(np.float16).reshape(-1, rows, cols)


def write_tokens(folder: Path, rows: Sequence[dict[str, object]]) -> None:
    """Write rows of ``SCHEMA``; what a row lacks is null."""
    columns = {name: [row.get(name) for row in rows] for name in SCHEMA.names}
    with writing(folder / FILE):
        pq.write_table(pa.Table.from_pydict(columns, SCHEMA), folder / FILE)


def read_tokens(folder: Path) -> pa.Table:
    """Read rows of ``SCHEMA``."""
    return pq.read_table(fetched(folder / FILE), schema=SCHEMA)
