"""Tables that score leaves beside its facts: one score for each class, and each value of a group.

They hold counts and the share that they make; intervals are made when they are read, at the level
that the study asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rateval.store.disk import writing
from rateval.store.remote.fetching import fetched

CLASSES = "classes.parquet"
GROUPS = "groups.parquet"

_COUNTS = (
    pa.field("count", pa.int64(), nullable=False),
    pa.field("numerator", pa.int64()),
    pa.field("denominator", pa.int64()),
)
CLASS_SLICES = pa.schema(
    [
        pa.field("class", pa.int32(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        *_COUNTS,
        pa.field("value", pa.float64()),
    ]
)
"""A row for each class of the dataset, in their order. ``count`` are its images; numerator and
denominator are null where the metric can't tell of these images alone, ``value`` also where the
denominator is 0."""

GROUP_SLICES = pa.schema(
    [
        pa.field("group", pa.string(), nullable=False),
        pa.field("value", pa.string()),
        *_COUNTS,
        pa.field("score", pa.float64()),
    ]
)
"""A row for each value of each group, in their order; a null value is the images of which it is
not known. ``score`` is what ``value`` is by class."""


def write_slices(path: Path, schema: pa.Schema, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write a table of one of these schemas. Raises StudyError when the disk refuses it."""
    table = pa.table(dict(columns), schema=schema)
    with writing(path):
        pq.write_table(table, path, compression="zstd")


def read_slices(path: Path) -> pa.Table:
    """Read one of these tables."""
    return pq.read_table(fetched(path))
