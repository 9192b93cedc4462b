"""What infer keeps of each sample where rows are of units, of which a sample may have none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rateval.store.remote.fetching import fetched
from rateval.store.rows import GROUP, SAMPLE, has_column

SAMPLES = "samples.parquet"


def samples_schema(kept: pa.Schema, groups: Iterable[str]) -> pa.Schema:
    """Return the columns of samples whose rows are of units, those that a task keeps among them."""
    return pa.schema(
        [
            pa.field("index", pa.int64(), nullable=False),
            pa.field("id", pa.string(), nullable=False),
            *kept,
            *(pa.field(GROUP + name, pa.string()) for name in groups),
        ]
    )


def has_samples(folder: Path) -> bool:
    """Return whether rows of a stage's result are of units, of which a sample may have none."""
    return has_column(folder, SAMPLE)


def read_samples(folder: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read what is kept of each sample where rows are of units, or some columns of it."""
    path = fetched(folder / SAMPLES)
    return pq.read_table(path, columns=None if columns is None else list(columns))
