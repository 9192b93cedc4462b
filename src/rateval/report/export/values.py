"""Lines of a table as CSV and JSON: numbers stay numbers, and no text is a formula."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

Batches = Iterator[pa.RecordBatch]
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a text begins with that a spreadsheet takes for a formula."""


def write_csv(schema: pa.Schema, batches: Batches) -> Iterator[str]:
    """Yield the text of a CSV file, a part for each batch; the first has the names of the columns.

    Undefined values are empty, lists are JSON, and a text that a spreadsheet would take for a
    formula has an apostrophe before it.
    """
    yield _to_csv([schema.names])
    for batch in batches:
        columns = [_column(column) for column in batch.columns]
        yield _to_csv([[_cell(value) for value in row] for row in zip(*columns, strict=True)])


def _to_csv(rows: list[list[Any]]) -> str:
    lines = _Lines()
    csv.writer(lines).writerows(rows)
    return "".join(lines)


class _Lines(list[str]):
    """Lines of CSV, each ended by a line feed alone."""

    def write(self, line: str) -> None:
        """Add a line that ends in both signs: by these the writer knows what it has to quote."""
        self.append(line.removesuffix("\r\n") + "\n")


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return json.dumps(value, allow_nan=False)
    return neutralise(value) if isinstance(value, str) else value


def neutralise(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    >>> neutralise("=1+1"), neutralise("a=b")
    ("'=1+1", 'a=b')
    """
    return f"'{text}" if text.startswith(_FORMULAS) else text


def write_json(schema: pa.Schema, batches: Batches) -> Iterator[str]:
    """Yield the text of a JSON list of objects, each in a line of its own."""
    before = "["
    for batch in batches:
        columns = [_column(column) for column in batch.columns]
        lines = []
        for row in zip(*columns, strict=True):
            line = dict(zip(schema.names, row, strict=True))
            lines.append(f"{before}\n{json.dumps(line, ensure_ascii=False, allow_nan=False)}")
            before = ","
        yield "".join(lines)
    yield "[]\n" if before == "[" else "\n]\n"


def _column(column: pa.Array) -> list[Any]:
    """Return the values of a column; those of float32 as the shortest numbers that are the same."""
    values: list[Any] = column.to_pylist()
    if column.type == pa.float32():
        return [_short(value) for value in values]
    if getattr(column.type, "value_type", None) == pa.float32():
        return [row if row is None else [_short(value) for value in row] for row in values]
    return values


def _short(value: float | None) -> float | None:
    """Return the shortest number that is the same in float32.

    >>> _short(float(np.float32(0.1)))
    0.1
    """
    return None if value is None else float(str(np.float32(value)))
