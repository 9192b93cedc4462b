"""Bytes of rows before there is one: files of made-up rows, written in memory as a run writes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

_ID_LENGTH = 24
"""Characters of an image's id where the split lists none."""
_VALUES = 4
"""Different values of a column of text that tells few things apart, such as a reason or a group."""


def rows_bytes(schema: pa.Schema, units: int, at_once: int, ids: Sequence[str] | None) -> int:
    """Return about how many bytes ``units`` rows of a schema take, written ``at_once`` at a time.

    Numbers are drawn at random, which compresses as little as probabilities do. No more than four
    batches are written; what more of them add is known then.

    >>> schema = pa.schema([pa.field("id", pa.string()), pa.field("score", pa.float32())])
    >>> 8_000 < rows_bytes(schema, 1000, 100, [f"image-{at}" for at in range(1000)]) < 40_000
    True
    """
    at_once = min(at_once, units)
    names = ids if ids is not None else [f"{at:0{_ID_LENGTH}}" for at in range(4 * at_once)]
    few, many = (_write(schema, count, at_once, names) for count in (1, 3))
    each = (many - few) / 2
    return round(few + each * (units / at_once - 1))


def _write(schema: pa.Schema, batches: int, at_once: int, ids: Sequence[str]) -> int:
    random = np.random.default_rng(0)
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, schema, compression="snappy") as writer:
        for batch in range(batches):
            positions = np.arange(batch * at_once, (batch + 1) * at_once)
            arrays = [_draw(field, positions, ids, random) for field in schema]
            writer.write(pa.RecordBatch.from_arrays(arrays, schema=schema))
    size: int = sink.getvalue().size
    return size


def _draw(
    field: pa.Field, positions: NDArray[np.int64], ids: Sequence[str], random: np.random.Generator
) -> pa.Array:
    kind, count = field.type, len(positions)
    if field.name == "id":
        return pa.array([str(ids[at % len(ids)]) for at in positions], kind)
    if field.name == "index":
        return pa.array(positions, kind)
    if pa.types.is_fixed_size_list(kind):
        values = random.random(count * kind.list_size, np.float32)
        return pa.FixedSizeListArray.from_arrays(pa.array(values, kind.value_type), kind.list_size)
    if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        drawn = random.integers(0, _VALUES, count)
        return pa.array([[f"value {number}"] for number in drawn], kind)
    if pa.types.is_list(kind):
        values = random.random(count * _VALUES, np.float32).astype(
            kind.value_type.to_pandas_dtype()
        )
        return pa.array(list(values.reshape(count, _VALUES)), kind)
    if pa.types.is_boolean(kind):
        return pa.array(random.random(count) < 0.5, kind)
    if pa.types.is_floating(kind):
        return pa.array(random.random(count, np.float32), kind)
    if pa.types.is_integer(kind):
        return pa.array(random.integers(0, 100, count), kind)
    nothing = field.name == "undefined"
    drawn = random.integers(0, _VALUES, count)
    return pa.array([None if nothing else f"value {at}" for at in drawn], kind)


def probability_bytes(schema: pa.Schema) -> int:
    """Return the bytes that the probabilities of one row take; 0 where there are none.

    >>> from rateval.tasks.classification import OneOf
    >>> probability_bytes(OneOf(10).schema)
    40
    """
    if "probabilities" not in schema.names:
        return 0
    kind = schema.field("probabilities").type
    many: int = kind.list_size if pa.types.is_fixed_size_list(kind) else _VALUES
    return many * int(kind.value_type.bit_width) // 8
