"""What is not there of a run's cells, and which failures explain it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.step import FailureRecord

FAILED = "failed"
NOT_DONE = "not done"
NOT_FOR_SCORES = ("faithfulness", "agree", "thresholds", "pictures", "tokens")
"""Stages whose failure leaves every score in place."""
NOT_FOR_FAITHFULNESS = ("counterfactual", "judge", "score", "thresholds", "agree", "pictures")
"""Stages whose failure leaves all faithfulness in place."""


class Failed:
    """The failures of a run that concern one kind of table, found by the cells that they name.

    ``but`` names the stages whose failures leave the numbers of such a table in place.
    """

    def __init__(self, record: RunRecord, but: Sequence[str]) -> None:
        self._failures = [failure for failure in record.failures if failure.stage not in but]
        self._by_cell: dict[Key, list[int]] = {}
        for place, failure in enumerate(self._failures):
            for key in failure.cells:
                self._by_cell.setdefault(key, []).append(place)
        self._rows = frozenset(row_keys(record, self._by_cell))

    def explain(self, row: Key) -> str:
        """Return why a row lacks something: a failure names a cell of it, or it is not done."""
        return FAILED if row in self._rows else NOT_DONE

    def among(self, cells: Collection[Key]) -> list[tuple[FailureRecord, list[Key]]]:
        """Return each failure that names any of these cells, in its order, with those it names."""
        asked = frozenset(cells)
        places = {place for key in asked for place in self._by_cell.get(key, ())}
        found = [self._failures[place] for place in sorted(places)]
        return [(failure, [key for key in failure.cells if key in asked]) for failure in found]


def planned_keys(record: RunRecord) -> list[Key]:
    """Return the names of all cells, one per seed, in the order of the plan."""
    return list(dict.fromkeys((*record.planned, *(cell.key for cell in record.cells))))


def row_keys(record: RunRecord, keys: Iterable[Key]) -> list[Key]:
    """Return the names of the rows that cells of these names stand in."""
    several = len(record.seeds) > 1
    return list(dict.fromkeys(key.seedless if several else key for key in keys))


def lacking_faithfulness(record: RunRecord) -> list[Key]:
    """Return the names of the cells whose faithfulness was asked for and is not there."""
    if "faithfulness" not in record.spec_resolved:
        return []
    there = {cell.key for cell in record.cells if cell.faithfulness}
    return [key for key in planned_keys(record) if key not in there]
