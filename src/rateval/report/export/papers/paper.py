"""Tables as papers print them, whatever they are written in: numbers with intervals, a caption."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.estimate import Estimate
from rateval.records.scores.grouping import group_by
from rateval.report.export.selecting import Selection
from rateval.report.rows import Block, Row, lay_out
from rateval.wording import list_some, plural, write_count

MORE_IS_BETTER = ("accuracy", "PT", "IR")
"""Headings of metrics of which the best value may be emphasised; of others the run doesn't say
which way is better."""
UNDEFINED = "–"


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a table."""

    text: str
    up: str = ""
    """How far the interval goes up from it; empty where there is none."""
    down: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class PaperTable:
    """One table."""

    caption: str
    label: str
    head: tuple[str, ...]
    groups: tuple[tuple[tuple[str | Number, ...], ...], ...]
    """Rows that a rule parts from others; texts are names, which come first."""
    names: int = 1
    """Columns of names."""
    notes: tuple[str, ...] = field(default=())
    """Sentences that end the caption."""


def lay_out_scores(selection: Selection) -> Iterator[PaperTable]:
    """Yield a table for each dataset, attribution and validator."""
    record = selection.record
    for block in lay_out(record):
        if block.validator not in selection.validators:
            continue
        rows = [row for row in block.rows if selection.holds(row.key)]
        if not rows:
            continue
        best = _Best(record, block, rows)
        tests = group_by(rows, lambda row: row.key.test)
        yield PaperTable(
            caption=_caption(record, block, rows),
            label=name_table(record, block.dataset, block.judged_by),
            head=("method", *block.metrics.values()),
            groups=tuple(tuple(_row(block, row, best) for row in test) for test in tests),
            notes=tuple(_notes(record, block, rows, best)),
        )


def _row(block: Block, row: Row, best: _Best) -> tuple[str | Number, ...]:
    numbers = [
        show(None if score is None else score.value, strong=best.is_best(row, metric))
        for metric in block.metrics
        for score in [row.score(metric)]
    ]
    return (row.key.row, *numbers)


def show(value: Estimate | None, *, strong: bool = False) -> Number:
    """Return a share in percent with how far its interval goes up and down.

    >>> from rateval.records.scores.estimate import estimate_share
    >>> show(estimate_share(30, 60))
    Number(text='50.0', up='12.3', down='12.3', strong=False)
    >>> show(None).text
    '–'
    """
    if value is None or value.value is None:
        return Number(UNDEFINED)
    text = f"{100 * value.value:.1f}".replace("-", "−")
    if value.low is None or value.high is None:
        return Number(text, strong=strong)
    up, down = value.high - value.value, value.value - value.low
    return Number(text, f"{100 * up:.1f}", f"{100 * down:.1f}", strong)


class _Best:
    """Which value of a column is ahead of that of every other method, by paired intervals."""

    def __init__(self, record: RunRecord, block: Block, rows: Sequence[Row]) -> None:
        self._headings = block.metrics
        self._tests = {
            row.key: tests for tests in group_by(rows, lambda row: row.key.test) for row in tests
        }
        self._pairs = {
            (found.method, found.against): found
            for found in record.comparisons
            if found.validator == block.validator
        }

    def ranks(self, metric: str) -> bool:
        """Return whether a column is one of which more is better."""
        return self._headings[metric] in MORE_IS_BETTER

    def is_best(self, row: Row, metric: str) -> bool:
        others = [other for other in self._tests[row.key] if other.key != row.key]
        ahead = (self._is_ahead(row.key, other.key, metric) for other in others)
        return bool(others) and self.ranks(metric) and all(ahead)

    def _is_ahead(self, ours: Key, theirs: Key, metric: str) -> bool:
        for pair, sign in (((ours, theirs), 1), ((theirs, ours), -1)):
            found = self._pairs.get(pair)
            one = None if found is None else found.difference(metric)
            if one is not None:
                return one.excludes_0 and sign * one.value > 0
        return False


def _caption(record: RunRecord, block: Block, rows: Sequence[Row]) -> str:
    counts = [row.evidence and sum(row.evidence.quadrants.values()) for row in rows]
    known = [count for count in counts if count]
    judged = f"n = {write_count(max(known), block.unit)}" if known else f"no {block.unit} judged"
    if known and min(known) != max(known):
        judged = f"n = {min(known):,.0f} to {write_count(max(known), block.unit)}"
    by = f"maps by {block.attribution}" if block.attribution else "predictions under edits"
    return (
        f"{', '.join(block.metrics.values())} in % on {block.dataset} ({judged}, "
        f"{_seeds(record)}); {by}, judged by {block.validator}."
    )


def _seeds(record: RunRecord) -> str:
    if not record.seeds:
        return "seed not known"
    seeds = list_some(map(str, record.seeds))
    return f"mean over seeds {seeds}" if len(record.seeds) > 1 else f"seed {seeds}"


def _notes(record: RunRecord, block: Block, rows: Sequence[Row], best: _Best) -> Iterator[str]:
    values = [s.value for row in rows for m in block.metrics if (s := row.score(m)) is not None]
    over = name_over(record, values)
    if over:
        yield f"Intervals are at {100 * record.level:g} %, over {' or '.join(over)}."
    ranked = [heading for metric, heading in block.metrics.items() if best.ranks(metric)]
    if ranked and any(len(test) > 1 for test in group_by(rows, lambda row: row.key.test)):
        yield (
            f"Bold ({', '.join(ranked)}): the paired {100 * record.level:g} % interval against "
            "every other method of the same test leaves out 0."
        )
    if any(value.value is None for value in values):
        yield f"{UNDEFINED}: undefined, as its denominator is 0."
    if record.limit is not None:
        yield f"At most {record.limit:,} samples of each split were used."


def name_over(record: RunRecord, values: Iterable[Estimate]) -> list[str]:
    """Return what the intervals of values are over, each once, in the words of the run's task."""
    units = plural(record.unit())
    found = (value.over for value in values if value.low is not None)
    return list(dict.fromkeys(over.replace("images", units) for over in found))


def name_table(record: RunRecord, *parts: str) -> str:
    """Return what a paper refers to a table by."""
    text = " ".join((record.study, *parts)).lower()
    words = "".join(sign if sign.isascii() and sign.isalnum() else " " for sign in text).split()
    return "tab:" + "-".join(words)
