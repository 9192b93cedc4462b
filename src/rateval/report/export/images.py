"""Rows of a run's images, batch by batch, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rateval.errors import RatevalError
from rateval.records.results import find_result
from rateval.records.scores.cell import CellRecord, StoredEvidenceRecord
from rateval.report.export.selecting import Selection
from rateval.report.export.tables import KEY, name_key
from rateval.store.rows import KNOWN, ROWS

AT_ONCE = 4096
"""Rows that are in memory at once."""
_JUDGED = ("score", "valid", "undefined", KNOWN)
_MORE = {"validator": pa.string(), "quadrant": pa.string()}
_NAMED = {"label_name": "label", "prediction_name": "prediction"}
"""A column with the name of a class to the one with its number."""


class Images:
    """The rows of the selected cells, one per image, cell and validator."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._record = selection.record
        self._parts = [
            (cell, found) for cell in selection.cells for found in selection.evidence(cell)
        ]
        if not self._parts:
            raise RatevalError("no cell that was asked for has verdicts; run the spec again")
        self._own = _unify([self._schema_of(cell, found) for cell, found in self._parts])
        named = {new: pa.string() for new, old in _NAMED.items() if old in self._own.names}
        self.schema = pa.schema([*pa.schema(KEY | _MORE | named), *self._own])

    def _folders(self, cell: CellRecord, found: StoredEvidenceRecord) -> tuple[Path, Path]:
        path = self._record.path
        return (
            find_result(path, "infer", cell.identity, ROWS),
            find_result(path, "judge", found.identity, ROWS),
        )

    def _schema_of(self, cell: CellRecord, found: StoredEvidenceRecord) -> pa.Schema:
        inferred, judged = (pq.read_schema(folder / ROWS) for folder in self._folders(cell, found))
        fields = [judged.field(name) for name in _JUDGED if name in judged.names]
        return pa.schema([*inferred, *fields]).remove_metadata()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield batches of ``schema``, at most 4,096 rows each."""
        for cell, found in self._parts:
            for batch in read_judged(*self._folders(cell, found)):
                yield self._complete(cell, found, batch)

    def _complete(
        self, cell: CellRecord, found: StoredEvidenceRecord, batch: pa.RecordBatch
    ) -> pa.RecordBatch:
        classes = self._classes(cell)
        constant = name_key(cell.key) | {"validator": found.validator}
        columns = []
        for field in self.schema:
            name, size = field.name, len(batch)
            if name in batch.schema.names:
                columns.append(batch.column(name).cast(field.type))
            elif name in constant:
                columns.append(pa.array([constant[name]] * size, field.type))
            elif name == "quadrant":
                columns.append(pa.array(name_quadrants(batch), field.type))
            elif name == "prediction_name" and "output" in batch.schema.names:
                columns.append(batch.column("output").cast(field.type))
            elif name in _NAMED and _NAMED[name] in batch.schema.names:
                numbers = batch.column(_NAMED[name]).to_pylist()
                columns.append(pa.array([_name(classes, at) for at in numbers], field.type))
            else:
                columns.append(pa.nulls(size, field.type))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _classes(self, cell: CellRecord) -> Sequence[str]:
        return find_classes(self._selection, cell)


def find_classes(selection: Selection, cell: CellRecord) -> Sequence[str]:
    """Return the names of the classes of a cell's dataset; none where the record lacks them."""
    of_dataset = [one for one in selection.record.datasets if one.name == cell.key.dataset]
    of_seed = [one for one in of_dataset if one.seed in (None, cell.key.seed)]
    found = of_seed or of_dataset
    return found[0].classes if found else ()


def _name(classes: Sequence[str], at: int) -> str | None:
    return classes[at] if 0 <= at < len(classes) else None


def name_quadrants(rows: pa.RecordBatch) -> list[str]:
    """Return the quadrant of each row, RU or WU where nothing is known of its evidence."""
    correct, valid, areas = (
        rows.column(name).to_pylist() for name in ("correct", "valid", "mask_area")
    )
    known = (
        rows.column(KNOWN).to_pylist()
        if KNOWN in rows.schema.names
        else [area is not None for area in areas]
    )
    return [
        ("R" if right else "W") + (("R" if sound else "W") if sure else "U")
        for right, sound, sure in zip(correct, valid, known, strict=True)
    ]


def read_judged(inferred: Path, judged: Path) -> Iterator[pa.RecordBatch]:
    """Yield rows of infer with the columns of judge beside them, as ``RunRecord.rows`` has them."""
    with pq.ParquetFile(inferred / ROWS) as ours, pq.ParquetFile(judged / ROWS) as theirs:
        names = [name for name in _JUDGED if name in theirs.schema_arrow.names]
        verdicts = _Rest(theirs.iter_batches(AT_ONCE, columns=["id", *names]))
        for rows in ours.iter_batches(AT_ONCE):
            beside = verdicts.take(len(rows))
            if beside is None or not rows.column("id").equals(beside.column("id")):
                raise RatevalError(
                    f"{judged}: its rows are not those of {inferred}; run the spec again"
                )
            columns = [*rows.columns, *(beside.column(name) for name in names)]
            fields = [*rows.schema, *(beside.schema.field(name) for name in names)]
            yield pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


class _Rest:
    """Batches of one file, cut to the lengths of another one's."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._held: pa.Table | None = None

    def take(self, count: int) -> pa.RecordBatch | None:
        """Return the next ``count`` rows; None where there are fewer."""
        while self._held is None or len(self._held) < count:
            batch = next(self._batches, None)
            if batch is None:
                return None
            held = [] if self._held is None else self._held.to_batches()
            self._held = pa.Table.from_batches([*held, batch])
        taken, self._held = self._held.slice(0, count), self._held.slice(count)
        (whole,) = taken.combine_chunks().to_batches(max_chunksize=max(count, 1)) or [None]
        return whole


def _unify(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """Return the columns of all cells; lists of different lengths become lists of any length."""
    fields: dict[str, pa.Field] = {}
    for schema in schemas:
        for field in schema:
            known = fields.setdefault(field.name, field)
            if not known.type.equals(field.type):
                fields[field.name] = pa.field(field.name, pa.list_(field.type.value_type))
    everywhere = [
        field if all(name in schema.names for schema in schemas) else field.with_nullable(True)
        for name, field in fields.items()
    ]
    return pa.schema(everywhere)
