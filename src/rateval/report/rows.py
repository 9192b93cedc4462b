"""Rows of a report: the cells that a study planned, in tables, with what is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from rateval.api.component import EDITS, MAPS_AND_EDITS
from rateval.records.key import Key, Labels
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
    attribution: str | None
    """None where verdicts are on answers to edits: they are the same by each attribution."""
    validator: str
    metrics: Mapping[str, str]
    """Label to heading of the metrics that can be counted by the validator's verdicts."""
    shifted: bool
    """Whether any row is of a shifted test."""
    count: float | None
    """Units judged in the first row that has any; None when none has."""
    rows: tuple[Row, ...]
    cells: tuple[tuple[CellRecord, EvidenceRecord], ...]
    """What the rows come from, one per seed."""
    lacking: tuple[Key, ...]
    """Cells of which something is not there, one per seed."""
    told_of_causes: frozenset[str] = frozenset()
    """Metrics whose changes are told below the table of causes, and not below this one."""
    unit: str = "image"
    """What is predicted once, in the singular."""

    @property
    def judged_by(self) -> str:
        """What explained, if anything did, and what judged, as the title has it."""
        return " · ".join(filter(None, (self.attribution, self.validator)))


def headings(record: RunRecord, validator: str = "") -> dict[str, str]:
    """Return label to heading of each metric, in the order of the spec.

    The heading of one that could be computed nowhere is its label. Of a ``validator`` that judges
    answers to edits, metrics that compare maps with such answers have nothing to count.
    """
    known = {
        score.metric: score.heading
        for result in record.results
        for evidence in result.evidence
        for score in evidence.scores
    }
    found = {metric: metric for metric in record.labels("metric")} | known
    if not validator or not is_by_edits(record, validator):
        return found
    comparing = _needing(record, "metric", MAPS_AND_EDITS)
    return {metric: heading for metric, heading in found.items() if metric not in comparing}


def is_by_edits(record: RunRecord, validator: str) -> bool:
    """Return whether a validator, by its label, judges answers to edits in place of maps."""
    return validator in _needing(record, "evidence", EDITS)


def _needing(record: RunRecord, table: str, *needs: str) -> frozenset[str]:
    entries = record.spec_resolved.get(table, ())
    return frozenset(entry["name"] for entry in entries if entry.get("needs") in needs)


def lay_out(record: RunRecord) -> Iterator[Block]:
    """Yield the tables of scores in the order of the spec, whatever failed or was not reached.

    Of a validator of answers to edits there is one for each dataset, whatever explains it.
    """
    judged = (evidence.validator for row in record.results for evidence in row.evidence)
    validators = list(dict.fromkeys((*record.labels("evidence"), *judged)))
    keys = planned_keys(record)
    datasets = dict.fromkeys(key.dataset for key in keys)
    attributions = dict.fromkeys(key.attribution for key in keys)
    shared: dict[tuple[str, str], list[Key]] = {}
    for key in keys:
        shared.setdefault((key.dataset, key.attribution), []).append(key)
    maker = _BlockMaker(record)
    by_edits = [validator for validator in validators if is_by_edits(record, validator)]
    by_map = [validator for validator in validators if validator not in by_edits]
    for dataset in datasets:
        for attribution, validator in product(attributions, by_map):
            if (dataset, attribution) in shared:
                yield maker.block(shared[dataset, attribution], validator)
        for validator in by_edits:
            yield maker.edits_block([key for key in keys if key.dataset == dataset], validator)


class _BlockMaker:
    """What the tables of one record are made with, by the names of its cells."""

    def __init__(self, record: RunRecord) -> None:
        self._record = record
        self._results: dict[Key, ResultRecord] = {result.key: result for result in record.results}
        self._cells = {cell.key: cell for cell in record.cells}
        self._failed = Failed(record, NOT_FOR_SCORES)

    def edits_block(self, keys: Sequence[Key], validator: str) -> Block:
        """Return the table of a dataset's cells, each by the first attribution that is judged."""
        alike: dict[Labels, list[Key]] = {}
        for key in keys:
            alike.setdefault(key.without("attribution"), []).append(key)
        chosen = [
            next((key for key in same if self._evidence(key, validator)), same[0])
            for same in alike.values()
        ]
        return replace(self.block(chosen, validator), attribution=None)

    def _evidence(self, key: Key, validator: str) -> EvidenceRecord | None:
        return self._cells[key].by(validator) if key in self._cells else None

    def block(self, keys: Sequence[Key], validator: str) -> Block:
        """Return the table of the cells of these names, judged by one validator."""
        names = row_keys(self._record, keys)
        results = {key: self._results[key] for key in names if key in self._results}
        found = {key: result.by(validator) for key, result in results.items()}
        judged = [
            (self._cells[key], evidence)
            for key in keys
            if (evidence := self._evidence(key, validator)) is not None
        ]
        metrics = headings(self._record, validator)
        of_causes: frozenset[str] = frozenset()
        if _needing(self._record, "evidence", EDITS) - {validator}:
            of_causes = _needing(self._record, "metric", EDITS, MAPS_AND_EDITS)
        whole = {
            cell.key
            for cell, evidence in judged
            if metrics.keys() == {score.metric for score in evidence.scores}
        }
        return Block(
            dataset=keys[0].dataset,
            attribution=keys[0].attribution,
            validator=validator,
            metrics=metrics,
            shifted=any(key.shift for key in names),
            count=next((results[key].count for key in names if found.get(key)), None),
            rows=tuple(Row(key, found.get(key), self._failed.explain(key)) for key in names),
            cells=tuple(judged),
            lacking=tuple(key for key in keys if key not in whole),
            unit=self._record.unit(keys[0].dataset),
            told_of_causes=of_causes,
        )


def name_rows(block: Block) -> dict[Key, str]:
    """Return a short name for each row of a table: its model where there are several, its shift."""
    if len({row.key.model for row in block.rows}) > 1:
        return {row.key: row.key.row for row in block.rows}
    return {
        row.key: row.key.finetuner + (f", {row.key.shift.text}" if row.key.shift else "")
        for row in block.rows
    }


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
