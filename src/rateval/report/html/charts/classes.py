"""Scores by class, for a table that sorts by any of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rateval.errors import RatevalError
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.report.html.figures import name_test, write_percent
from rateval.report.html.markup import Html, tag
from rateval.report.rows import Block, Row, name_rows
from rateval.report.terminal.layout import show_number
from rateval.wording import plural

if TYPE_CHECKING:
    import pyarrow as pa

CLASSES_SHOWN = 400
"""Classes of one cell that a page has: those of the worst PT, where there are more."""

ROWS_SHOWN = 20_000
"""Classes of all cells together."""

METRICS_SHOWN = ("accuracy", "PT", "IR")
"""Headings of the scores that the table has."""


class ClassTables:
    """The tables of one page, as far as there is room for them."""

    def __init__(self, record: RunRecord, metrics: Mapping[str, str]) -> None:
        self._record = record
        self._metrics = {
            metric: heading for metric, heading in metrics.items() if heading in METRICS_SHOWN
        }
        self._room = ROWS_SHOWN
        self.data: list[dict[str, Any]] = []
        """What the page's scripts make tables of, as JSON values."""

    def place(self, block: Block) -> Html | None:
        """Return where the table of a block is made; None where there is none."""
        rows = {row.key.seedless: row for row in block.rows}
        names = {key.seedless: name for key, name in name_rows(block).items()}
        cells = []
        for cell in _first_seed(self._record, block):
            row = rows[cell.key.seedless]
            found = self._cell(cell, block, row)
            if found is not None and self._room > 0:
                cells.append({"name": names[cell.key.seedless], **found})
                self._room -= len(found["classes"])
        if not cells:
            return None
        self.data.append(
            {
                "validator": block.validator,
                "units": [block.unit, plural(block.unit)],
                "headings": list(self._metrics.values()),
                "cells": cells,
            }
        )
        return tag("div", class_="classes", data_classes=len(self.data) - 1)

    def _cell(self, cell: CellRecord, block: Block, row: Row) -> dict[str, Any] | None:
        """Return the classes of one cell, the worst first; None where they can't be read."""
        try:
            tables = [
                self._record.classes(cell, block.validator, metric) for metric in self._metrics
            ]
        except RatevalError:
            return None
        if not tables:
            return None
        shown = _worst(tables, list(self._metrics.values()))
        names, counts = (tables[0].column(name).to_pylist() for name in ("name", "count"))
        scores = [_Column(table) for table in tables]
        return {
            "cell": self._record.label(cell.key),
            "test": name_test(row),
            "of": len(names),
            "classes": [
                [names[at], counts[at], *(score.write(at) for score in scores)] for at in shown
            ],
        }


class _Column:
    """One score of every class, as the page writes it."""

    def __init__(self, table: pa.Table) -> None:
        self._columns = table.to_pydict()

    def write(self, at: int) -> list[Any]:
        """Return value to sort by, text, interval and counts of one class."""
        row = {name: self._columns[name][at] for name in self._columns}
        value, low, high = (row[name] for name in ("value", "low", "high"))
        ends = "" if low is None else f"{write_percent(low)} to {write_percent(high)}"
        counts = f"{row['numerator']} of {row['denominator']}"
        undefined = show_number(None, "").plain
        text = undefined if value is None else write_percent(value)
        return [None if value is None else round(value, 6), text, ends, counts]


def _first_seed(record: RunRecord, block: Block) -> Sequence[CellRecord]:
    first = (None, *record.seeds[:1])
    return [cell for cell, _ in block.cells if len(record.seeds) < 2 or cell.key.seed in first]


def _worst(tables: Sequence[pa.Table], headings: Sequence[str]) -> list[int]:
    """Return the places of the classes to show, those of the lowest PT first."""
    ranked = tables[headings.index("PT") if "PT" in headings else 0]
    values = ranked.column("value").to_pylist()
    places = sorted(range(len(values)), key=lambda at: (values[at] is None, values[at] or 0.0))
    return places[:CLASSES_SHOWN]
