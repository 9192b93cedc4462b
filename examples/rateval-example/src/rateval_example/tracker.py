"""A tracker that keeps a table: a row for each score of each run."""

from __future__ import annotations

import csv
from pathlib import Path

from rateval.api import Context, PlanRecord, RunRecord
from rateval_example.params import TableParams

HEAD = ("study", "status", "cell", "validator", "metric", "value")


class Table:
    """A ``rateval.api.tracking.Tracker`` that adds rows to a CSV file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def start(self, plan: PlanRecord) -> None:
        """Write the head of a new table."""
        if not self._file.exists():
            self._add([HEAD])

    def finish(self, record: RunRecord, page: Path | None) -> None:
        """Add the run's scores; the value of one without a denominator is None."""
        told = (record.study, record.status)
        self._add(
            [
                (*told, cell.key.text(), evidence.validator, score.heading, str(score.value.value))
                for cell in record.cells
                for evidence in cell.evidence
                for score in evidence.scores
            ]
        )

    def _add(self, rows: list[tuple[str, ...]]) -> None:
        with self._file.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)


def make_table(params: TableParams, context: Context) -> Table:
    """Make the tracker."""
    return Table(Path(params.file))
