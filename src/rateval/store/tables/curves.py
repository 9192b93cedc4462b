"""Counts by threshold in Parquet, as the stage ``thresholds`` writes and reports read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from rateval.store.disk import writing
from rateval.store.remote.fetching import fetched

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

CURVES = "curves.parquet"

COUNTED = ("correct", "wrong", "others", "uniform", "centre")
"""What is counted: right and wrong predictions, and pairs of a mask and a map not its own."""

COUNTS = pa.schema(
    [
        pa.field("threshold", pa.float64(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in COUNTED),
        *(pa.field(f"{name}_total", pa.int64(), nullable=False) for name in COUNTED),
    ]
)
"""Columns: by each threshold how many are valid, and of how many, which is the same in all rows."""


def write_curves(
    folder: Path,
    thresholds: NDArray[np.float64],
    counts: Mapping[str, tuple[NDArray[np.int64], int]],
) -> None:
    """Write what is counted, by name: (T,) how many are valid by each threshold, and of how many.

    Raises StudyError when the disk refuses it.
    """
    columns: dict[str, Any] = {"threshold": thresholds}
    columns |= {name: counts[name][0] for name in COUNTED}
    columns |= {f"{name}_total": [counts[name][1]] * len(thresholds) for name in COUNTED}
    with writing(folder / CURVES):
        pq.write_table(pa.table(columns, schema=COUNTS), folder / CURVES)


def read_curves(folder: Path) -> pa.Table:
    """Read counts by threshold."""
    return pq.read_table(fetched(folder / CURVES))
