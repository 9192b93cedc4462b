"""Rows in Parquet and relevance maps in safetensors, as the stages write and read them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy

from rateval.store.disk import writing
from rateval.store.relevance import RELEVANCE, RelevanceWriter, read_shape
from rateval.store.remote.fetching import fetched

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

ROWS = "rows.parquet"
SAMPLE = "sample"
"""Column of the sample's id, where a row's own is that of a unit."""
POSITION = "position"
"""Column of the sample's position in the test split then; ``index`` is the unit's own number: the
position times the number of classes, plus the class."""
MASKS = "masks.parquet"
NO_MASK = "no mask"
"""Why there is no verdict on an image without a mask: nothing is known of its evidence."""
EMPTY_MASK = "empty mask"
"""Why there is none where a mask is True nowhere, as when a crop leaves nothing of the object;
other reasons are a validator's own."""

_PACKED_AT_ONCE = 4096
"""Rows of masks that are read at once where some are looked for."""

GROUP = "group:"
"""What the name of a column begins with that holds the images' values of one of their groups."""

SUMS = ("completeness_gap", "score_difference")
"""Columns of attributions that promise a sum: how far it is off, and what it should be."""

VERDICTS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("score", pa.float32()),
        pa.field("valid", pa.bool_(), nullable=False),
        pa.field("undefined", pa.string()),
    ]
)
"""Columns that judge writes; ``score`` is null where ``undefined`` says why."""

KNOWN = "known"
VERDICTS_BY_EDITS = VERDICTS.append(pa.field(KNOWN, pa.bool_(), nullable=False))
"""Columns that it writes of predictions under edits: where these are undefined, ``known`` is False
and nothing is known of the evidence, whether there is a mask or not."""

ANSWERS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("prediction", pa.int64(), nullable=False),
        pa.field("correct", pa.bool_(), nullable=False),
        pa.field("undefined", pa.string()),
        pa.field("donors", pa.int16(), nullable=False),
        pa.field("kept_on_object", pa.float32()),
        pa.field("kept_without_object", pa.bool_()),
        pa.field("gap", pa.float32()),
    ]
)
"""Columns that counterfactual writes; the last three are null where ``undefined`` says why."""


_OF_UNITS = (
    pa.field(SAMPLE, pa.string(), nullable=False),
    pa.field(POSITION, pa.int64(), nullable=False),
)


class RowWriter:
    """A file of rows that is written batch by batch, and whole once the context is left.

    Raises StudyError when the disk refuses it.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self.schema = schema
        compression = "zstd" if path.name == MASKS else "snappy"
        with writing(path):
            self._writer = pq.ParquetWriter(path, schema, compression=compression)

    def write(self, rows: pa.RecordBatch | pa.Table) -> None:
        """Append rows."""
        with writing(self._path):
            self._writer.write(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with writing(self._path):
            self._writer.close()


def rows_schema(
    task: pa.Schema, groups: Iterable[str] = (), *, sums: bool = False, units: bool = False
) -> pa.Schema:
    """Return the columns that infer writes, those that a task's predictions leave among them.

    ``groups`` are the names of those that the dataset puts its images in; a column's name says that
    it is one, so that none can take the place of another column. With ``sums`` the attribution
    promises a sum, and its gap is there for each image. With ``units`` a sample may have several
    rows, or none.
    """
    of_sums = [pa.field(name, pa.float32()) for name in SUMS if sums]
    return pa.schema(
        [
            pa.field("index", pa.int64(), nullable=False),
            pa.field("id", pa.string(), nullable=False),
            *(_OF_UNITS if units else ()),
            *task,
            pa.field("mask_area", pa.float32()),
            pa.field("relevance_max", pa.float32(), nullable=False),
            *of_sums,
            *(pa.field(GROUP + name, pa.string()) for name in groups),
        ]
    )


def masks_schema(height: int, width: int) -> pa.Schema:
    """Return the columns of the masks: bits packed row by row, null where a sample has none."""
    columns = [pa.field("id", pa.string(), nullable=False), pa.field("mask", pa.binary())]
    return pa.schema(columns, metadata={"height": str(height), "width": str(width)})


def pack_masks(masks: NDArray[np.bool_], present: tuple[bool, ...]) -> list[bytes | None]:
    """Pack (B, H, W) bool masks into bits.

    >>> pack_masks(np.array([[[False, True]], [[False, False]]]), (True, False))
    [b'@', None]
    """
    return [
        np.packbits(mask).tobytes() if there else None
        for mask, there in zip(masks, present, strict=True)
    ]


def read_masks(
    folder: Path, batch_size: int
) -> Iterator[tuple[list[str], NDArray[np.bool_], list[bool]]]:
    """Yield ids, (B, H, W) bool masks and whether there is a mask, in the order of the rows."""
    with pq.ParquetFile(fetched(folder / MASKS)) as file:
        shape = _mask_shape(file.schema_arrow)
        for batch in file.iter_batches(batch_size):
            packed: list[bytes | None] = batch.column("mask").to_pylist()
            present = [bits is not None for bits in packed]
            yield batch.column("id").to_pylist(), unpack_masks(packed, shape), present


def read_mask_shape(folder: Path) -> tuple[int, int]:
    """Return height and width of the masks of a result: of what the model saw, in pixels."""
    return _mask_shape(pq.read_schema(fetched(folder / MASKS)))


def read_packed_masks(
    folder: Path, positions: NDArray[np.int64]
) -> tuple[tuple[int, int], dict[int, bytes]]:
    """Return height and width of masks, and those at some positions of the rows as packed bits.

    One that isn't there is left out.
    """
    asked, found, start = np.sort(positions), dict[int, bytes](), 0
    with pq.ParquetFile(fetched(folder / MASKS)) as file:
        for batch in file.iter_batches(_PACKED_AT_ONCE, columns=["mask"]):
            first, last = np.searchsorted(asked, (start, start + len(batch)))
            here = asked[first:last]
            bits = batch.column("mask").take(pa.array(here - start)).to_pylist()
            found |= {at: one for at, one in zip(here.tolist(), bits, strict=True) if one}
            start += len(batch)
        return _mask_shape(file.schema_arrow), found


def unpack_masks(packed: Sequence[bytes | None], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return packed bits as (B, H, W) bool masks, False everywhere for None.

    >>> unpack_masks([b"@", None], (1, 2)).tolist()
    [[[False, True]], [[False, False]]]
    """
    size = shape[0] * shape[1]
    masks = np.zeros((len(packed), size), dtype=np.bool_)
    for row, bits in enumerate(packed):
        if bits is not None:
            masks[row] = np.unpackbits(np.frombuffer(bits, np.uint8), count=size)
    return masks.reshape(-1, *shape)


def _mask_shape(schema: pa.Schema) -> tuple[int, int]:
    return int(schema.metadata[b"height"]), int(schema.metadata[b"width"])


def read_rows(folder: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read the rows of a stage's result, or some of their columns."""
    return pq.read_table(fetched(folder / ROWS), columns=None if columns is None else list(columns))


def iterate_rows(folder: Path, columns: Sequence[str], at_once: int) -> Iterator[pa.RecordBatch]:
    """Yield some columns of the rows of a stage's result, so many rows at once."""
    with pq.ParquetFile(fetched(folder / ROWS)) as file:
        yield from file.iter_batches(at_once, columns=list(columns))


def has_column(folder: Path, column: str) -> bool:
    """Return whether the rows of a stage's result have a column."""
    return column in pq.read_schema(fetched(folder / ROWS)).names


def list_columns(folder: Path) -> frozenset[str]:
    """Return the columns of the rows of a stage's result."""
    return frozenset(pq.read_schema(fetched(folder / ROWS)).names)


def read_groups(folder: Path, file: str = ROWS) -> pa.Table:
    """Read the groups of infer's rows, or of its samples, a column of text each, by their names."""
    path = fetched(folder / file)
    columns = [name for name in pq.read_schema(path).names if name.startswith(GROUP)]
    table = pq.read_table(path, columns=columns)
    return table.rename_columns([name[len(GROUP) :] for name in columns])


def read_judged_rows(
    inferred: Path, judged: Path, columns: Sequence[str] | None = None
) -> pa.Table:
    """Read the rows of infer, or ``columns`` of them, with the columns of judge beside them.

    The ids are among them in any case, and ``known`` where predictions under edits were judged.
    """
    rows = read_rows(inferred, columns and list(dict.fromkeys(["id", *columns])))
    verdicts = read_rows(judged)
    # Both are written in one order; a join would refuse the list of probabilities.
    assert rows.column("id").equals(verdicts.column("id"))
    for name in ("score", "valid", "undefined", KNOWN):
        if name in verdicts.column_names:
            rows = rows.append_column(name, verdicts.column(name))
    return rows


def concatenate(parts: Sequence[Path], folder: Path) -> None:
    """Write rows, masks and relevance maps of ``parts`` one after the other into ``folder``."""
    if not parts:
        return
    for name in (ROWS, MASKS):
        concatenate_file(name, parts, folder)
    shapes = [read_shape(part) for part in parts]
    with RelevanceWriter(folder, (sum(shape[0] for shape in shapes), *shapes[0][1:])) as writer:
        for part in parts:
            writer.write(read_relevance(part))


def concatenate_file(name: str, parts: Sequence[Path], folder: Path) -> None:
    """Write the rows of one file of each of ``parts``, at least one, into that of ``folder``."""
    with RowWriter(folder / name, pq.read_schema(parts[0] / name)) as writer:
        for part in parts:
            writer.write(pq.read_table(part / name))


def write_relevance(folder: Path, maps: NDArray[np.float16]) -> None:
    """Write relevance maps (N, rows, cols) float16."""
    with RelevanceWriter(folder, maps.shape) as writer:
        writer.write(maps)


def read_relevance(folder: Path) -> NDArray[np.float16]:
    """Read relevance maps (N, rows, cols) float16."""
    path = fetched(folder / RELEVANCE)
    maps: NDArray[np.float16] = safetensors.numpy.load_file(path)["relevance"]
    return maps
