"""Rows of a report: the cells that a study planned, in tables, with what is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from rateval.records.cell import CellRecord, EvidenceRecord, ResultRecord, ScoreRecord
from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.step import FailureRecord
from rateval.wording import list_some

WIDE = 120
"""Columns from which on intervals are shown beside the values."""

WIDE_OVER_SEEDS = 130
"""Columns from which on intervals and counts are shown, of a study with several seeds."""
FAILED = "failed"
NOT_DONE = "not done"
NOT_FOR_SCORES = ("faithfulness", "agree")
"""Stages whose failure leaves every score in place."""
NOT_FOR_FAITHFULNESS = ("judge", "score", "agree")
"""Stages whose failure leaves all faithfulness in place."""


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
    count: float | None
    """Images judged in the first row that has any; None when none has."""
    rows: tuple[Row, ...]
    cells: tuple[tuple[CellRecord, EvidenceRecord], ...]
    """What the rows come from, one per seed."""
    lacking: tuple[Key, ...]
    """Cells of which something is not there, one per seed."""

    @property
    def shifted(self) -> bool:
        """Whether any row is of a shifted test."""
        return any(row.key.shift for row in self.rows)


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
    for dataset, attribution, validator in product(datasets, attributions, validators):
        shared = [k for k in keys if (k.dataset, k.attribution) == (dataset, attribution)]
        if shared:
            yield _block(record, shared, validator)


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


def failures_but(record: RunRecord, stages: Sequence[str]) -> list[FailureRecord]:
    """Return the failures of all stages but these."""
    return [failure for failure in record.failures if failure.stage not in stages]


def explain_lack(record: RunRecord, row: Key, failures: Iterable[FailureRecord]) -> str:
    """Return why a row lacks something: a failure that names a cell of it, or it is not done."""
    failed = row_keys(record, (key for failure in failures for key in failure.cells))
    return FAILED if row in failed else NOT_DONE


def _block(record: RunRecord, keys: Sequence[Key], validator: str) -> Block:
    results: dict[Key, ResultRecord] = {result.key: result for result in record.results}
    cells = {cell.key: cell for cell in record.cells}
    names = row_keys(record, keys)
    found = {key: results[key].by(validator) for key in names if key in results}
    judged = [
        (cells[key], evidence)
        for key in keys
        if key in cells and (evidence := cells[key].by(validator)) is not None
    ]
    metrics = headings(record).keys()
    failures = failures_but(record, NOT_FOR_SCORES)
    whole = {
        cell.key
        for cell, evidence in judged
        if metrics == {score.metric for score in evidence.scores}
    }
    return Block(
        dataset=keys[0].dataset,
        attribution=keys[0].attribution,
        validator=validator,
        count=next((results[key].count for key in names if found.get(key)), None),
        rows=tuple(Row(key, found.get(key), explain_lack(record, key, failures)) for key in names),
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
