"""Units that changed their quadrant between runs, as a file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from rateval.errors import RatevalError
from rateval.json_file import format_json, write_whole
from rateval.records.compare import CompareRecord

SUFFIXES = (".csv", ".json")

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of something to compute."""


def write_changed(record: CompareRecord, path: Path) -> None:
    """Write the changed units of all pairs, one row each. Raises RatevalError when it can't be."""
    rows = list(_rows(record))
    text = format_json(rows) if path.suffix == ".json" else _format_csv(rows)
    try:
        write_whole(path, text)
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


def _format_csv(rows: list[dict[str, Any]]) -> str:
    text = StringIO()
    names = rows[0] if rows else {"id": ""}
    writer = csv.DictWriter(text, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: neutralise(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def neutralise(value: object) -> object:
    """Return a cell of a table that no spreadsheet computes.

    >>> neutralise("=1+1"), neutralise("birds"), neutralise(-1)
    ("'=1+1", 'birds', -1)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value
