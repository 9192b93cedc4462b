"""A table from a file, with the place of each row.

CSV and JSON Lines are read by the standard library: it says in which line a row begins, and guesses
no types, so that a label "007" stays what it is. Parquet is read by pyarrow, which stores results.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.modelkit import list_some
from rateval_datasets.layout import open_file
from rateval_datasets.own.problems import problem, read_text

_LARGEST_TEXT = 1 << 30
"""Bytes that a table of text may have."""
_PANDAS = "__index_level_"
"""Beginning of the names that pandas gives to its own columns."""


@dataclass(frozen=True, slots=True)
class Table:
    """R rows of a file."""

    path: Path
    columns: Mapping[str, Sequence[Any]]
    """Name of a column to its R values; None or blank text where a cell is empty."""
    numbers: Sequence[int]
    """R numbers of lines, or of rows where there are no lines."""
    unit: str = ""
    """What stands before such a number; nothing for lines."""

    def __len__(self) -> int:
        return len(self.numbers)

    def place(self, at: int) -> str:
        """Return where a row is.

        >>> Table(Path("a.csv"), {}, [2, 3]).place(1)
        'a.csv:3'
        """
        return f"{self.path}:{self.unit}{self.numbers[at]}"


def read_table(component: str, key: str, path: Path) -> Table:
    """Read the table that the param ``key`` names. Raises RatevalError when it is none."""
    where = f"{key} = {path}"
    if not path.exists():
        raise problem(component, f"{where}: no such file")
    if path.is_dir():
        raise problem(component, f"{where}: is a folder; give the file of the table")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise problem(
            component,
            f"{where}: its ending is none of {', '.join(SUFFIXES)}; save the table as CSV, Parquet "
            "or JSON Lines",
        )
    table = reader(component, key, path)
    if not len(table):
        raise problem(component, f"{where}: holds no row")
    return table


def _read_csv(component: str, key: str, path: Path) -> Table:
    where = f"{key} = {path}"
    text = read_text(component, key, path, _LARGEST_TEXT)
    rows = list(_csv_rows(component, where, text, _delimiter(path, text)))
    if not rows:
        raise problem(component, f"{where}: is empty; its first row names the columns")
    header = [name.strip() for name in rows.pop(0)[1]]
    for line, row in rows:
        if len(row) != len(header):
            raise problem(
                component,
                f"{where}:{line}: has {len(row)} cells, the header {len(header)}; put a cell that "
                'holds the sign between cells into "quotes"',
            )
    # pandas writes the numbers of its rows as a column without a name.
    named = [(at, name) for at, name in enumerate(header) if name]
    _require_distinct(component, where, [name for _, name in named])
    columns = {name: [row[at] for _, row in rows] for at, name in named}
    return Table(path, columns, [line for line, _ in rows])


def _csv_rows(
    component: str, where: str, text: str, delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    """Yield the line that a row begins in, and its cells; blank rows are left out."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise problem(component, f"{where}:{line}: {error}; mend that row") from error
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield line, row


def _delimiter(path: Path, text: str) -> str:
    """Return what parts the cells: of ".csv" what its first line has most of."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    first = text.lstrip().partition("\n")[0]
    return max((",", ";", "\t"), key=first.count)


def _read_json_lines(component: str, key: str, path: Path) -> Table:
    text = read_text(component, key, path, _LARGEST_TEXT)
    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    for line, written in enumerate(text.split("\n"), 1):
        if not written.strip():
            continue
        try:
            row = json.loads(written, object_pairs_hook=_distinct_object)
        except (ValueError, RecursionError) as error:
            raise problem(
                component, f"{key} = {path}:{line}: is no JSON: {error}; write one object a line"
            ) from error
        if not isinstance(row, dict):
            raise problem(
                component,
                f'{key} = {path}:{line}: is no JSON object; write {{"image": …, "label": …}} '
                "in each line",
            )
        rows.append(row)
        numbers.append(line)
    names = dict.fromkeys(name for row in rows for name in row)
    return Table(path, {name: [row.get(name) for row in rows] for name in names}, numbers)


def _distinct_object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _read_parquet(component: str, key: str, path: Path) -> Table:
    import pyarrow.parquet as pq  # takes a tenth of a second

    where = f"{key} = {path}"
    try:
        with open_file(path) as file:
            read = pq.ParquetFile(file).read()
        values = [column.to_pylist() for column in read.columns]
    except Exception as error:  # whatever a broken file makes pyarrow raise
        text = " ".join(str(error).split())
        raise problem(component, f"{where}: is no readable Parquet: {text:.200}") from error
    _require_distinct(component, where, read.column_names)
    columns = {
        name: values[at]
        for at, name in enumerate(read.column_names)
        if not name.startswith(_PANDAS)
    }
    return Table(path, columns, range(1, read.num_rows + 1), "row ")


def _require_distinct(component: str, where: str, names: Sequence[str]) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise problem(
            component, f"{where}: has several columns called {list_some(twice)}; rename them"
        )


_READERS = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
}
SUFFIXES = (*_READERS,)
"""Endings of tables, in lower case."""
