"""Units that changed their quadrant between runs, as a file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any

from rateval.errors import RatevalError
from rateval.json_file import format_json, writing_whole
from rateval.records.compare import CompareRecord

SUFFIXES = (".csv", ".json")

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of something to compute."""


def write_changed(record: CompareRecord, path: Path) -> None:
    """Write the changed units of all pairs, one row each. Raises RatevalError when it can't be."""
    write = _write_json if path.suffix == ".json" else _write_csv
    try:
        with writing_whole(path) as file:  # row by row: they may be a million
            write(file, _rows(record))
    except OSError as error:
        raise RatevalError(
            f"--changed {path}: can't be written ({error.strerror}); name a file in a folder that "
            "is there and can be written to"
        ) from None


def _rows(record: CompareRecord) -> Iterator[dict[str, Any]]:
    for pair in record.pairs:
        named = {
            "run": record.runs[pair.run].path,
            "dataset": pair.candidate.dataset,
            "candidate_cell": pair.candidate.text(attribution=True),
            "baseline_cell": pair.baseline.text(attribution=True),
            "validator": pair.validator,
        }
        yield from (named | unit.model_dump() for unit in pair.changed)


def _write_json(file: IO[str], rows: Iterator[dict[str, Any]]) -> None:
    """Write a list as ``format_json`` does."""
    end = "["
    for row in rows:
        # No text in it has a line break: JSON writes that as two signs.
        file.write(end + "\n  " + format_json(row).rstrip("\n").replace("\n", "\n  "))
        end = ","
    file.write("[]\n" if end == "[" else "\n]\n")


def _write_csv(file: IO[str], rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows, None)
    names = {"id": ""} if first is None else first
    writer = csv.DictWriter(file, list(names), lineterminator="\n")
    writer.writeheader()
    for row in chain(() if first is None else (first,), rows):
        writer.writerow({key: neutralise(value) for key, value in row.items()})


def neutralise(value: object) -> object:
    """Return a cell of a table that no spreadsheet computes.

    >>> neutralise("=1+1"), neutralise("birds"), neutralise(-1)
    ("'=1+1", 'birds', -1)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value
