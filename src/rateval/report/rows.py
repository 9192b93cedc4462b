"""Rows of a report: the cells that a study planned, in tables, with what is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord, EvidenceRecord, ResultRecord, ScoreRecord
from rateval.report.lacks import NOT_FOR_SCORES, Failed, planned_keys, row_keys
from rateval.wording import list_some

Part = Literal["label", "value", "spread", "interval", "change", "mark", "later mark", "count"]
"""What a column of a table of scores holds: a label of the row, a value, its deviation over the
seeds, its interval, a change with its interval or with a mark, a count of images.

Later marks are those of metrics after the third."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the tables of scores of one report have room for."""

    parts: frozenset[Part]
    gap: int
    """Blanks between two columns."""
    from_width: int | None = None
    """Columns of a terminal from which on changes have their intervals; None where they do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table of scores: a cell, or the cells that differ in their seed only."""

    key: Key
    """Without a seed where the study has several."""
    evidence: EvidenceRecord | None
    """None when nothing could be judged, or not yet."""
    lack: str
    """What stands in the place of a number that isn't there: why it isn't."""

    def score(self, metric: str) -> ScoreRecord | None:
        """Return the score by a metric's label; None when there is none."""
        return None if self.evidence is None else self.evidence.score(metric)


@dataclass(frozen=True, slots=True)
class Block:
    """The rows that share a table: one dataset, explained by one attribution, judged by one."""

    dataset: str
    attribution: str
    validator: str
    shifted: bool
    """Whether any row is of a shifted test."""
    count: float | None
    """Images judged in the first row that has any; None when none has."""
    rows: tuple[Row, ...]
    cells: tuple[tuple[CellRecord, EvidenceRecord], ...]
    """What the rows come from, one per seed."""
    lacking: tuple[Key, ...]
    """Cells of which something is not there, one per seed."""


def headings(record: RunRecord) -> dict[str, str]:
    """Return label to heading of each metric, in the order of the spec.

    The heading of one that could be computed nowhere is its label.
    """
    known = {
        score.metric: score.heading
        for result in record.results
        for evidence in result.evidence
        for score in evidence.scores
    }
    return {metric: metric for metric in record.labels("metric")} | known


def lay_out(record: RunRecord) -> Iterator[Block]:
    """Yield the tables of scores in the order of the spec, whatever failed or was not reached."""
    judged = (evidence.validator for row in record.results for evidence in row.evidence)
    validators = list(dict.fromkeys((*record.labels("evidence"), *judged)))
    keys = planned_keys(record)
    datasets = dict.fromkeys(key.dataset for key in keys)
    attributions = dict.fromkeys(key.attribution for key in keys)
    shared: dict[tuple[str, str], list[Key]] = {}
    for key in keys:
        shared.setdefault((key.dataset, key.attribution), []).append(key)
    maker = _BlockMaker(record)
    for test in product(datasets, attributions):
        for validator in validators if test in shared else ():
            yield maker.block(shared[test], validator)


class _BlockMaker:
    """What the tables of one record are made with, by the names of its cells."""

    def __init__(self, record: RunRecord) -> None:
        self._record = record
        self._results: dict[Key, ResultRecord] = {result.key: result for result in record.results}
        self._cells = {cell.key: cell for cell in record.cells}
        self._metrics = frozenset(headings(record))
        self._failed = Failed(record, NOT_FOR_SCORES)

    def block(self, keys: Sequence[Key], validator: str) -> Block:
        """Return the table of the cells of these names, judged by one validator."""
        names = row_keys(self._record, keys)
        results = {key: self._results[key] for key in names if key in self._results}
        found = {key: result.by(validator) for key, result in results.items()}
        judged = [
            (self._cells[key], evidence)
            for key in keys
            if key in self._cells and (evidence := self._cells[key].by(validator)) is not None
        ]
        whole = {
            cell.key
            for cell, evidence in judged
            if self._metrics == {score.metric for score in evidence.scores}
        }
        return Block(
            dataset=keys[0].dataset,
            attribution=keys[0].attribution,
            validator=validator,
            shifted=any(key.shift for key in names),
            count=next((results[key].count for key in names if found.get(key)), None),
            rows=tuple(Row(key, found.get(key), self._failed.explain(key)) for key in names),
            cells=tuple(judged),
            lacking=tuple(key for key in keys if key not in whole),
        )


def merge_notes(notes: Iterable[tuple[str, int | None, str]], several: bool) -> list[str]:
    """Return (name, seed, text) as one sentence for all seeds that it is true of.

    >>> merge_notes([("clip · ft", 0, "it fails"), ("clip · ft", 2, "it fails")], True)
    ['clip · ft, seeds 0, 2: it fails']
    """
    merged: dict[tuple[str, str], list[str]] = {}
    for name, seed, text in notes:
        seeds = merged.setdefault((name, text), [])
        if several and seed is not None and str(seed) not in seeds:
            seeds.append(str(seed))
    return [f"{name}{name_seeds(seeds)}: {text}" for (name, text), seeds in merged.items()]


def name_seeds(seeds: Sequence[str]) -> str:
    """Return seeds to follow a name; nothing for none.

    >>> name_seeds(["0"]), name_seeds([])
    (', seed 0', '')
    """
    return f", seed{'s' if len(seeds) > 1 else ''} {list_some(seeds)}" if seeds else ""
