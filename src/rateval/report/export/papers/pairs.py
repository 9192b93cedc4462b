"""Tables of pairs of methods: differences with paired intervals, and transitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rateval.records.run import RunRecord
from rateval.records.scores.comparisons import ComparisonRecord, DifferenceRecord
from rateval.records.scores.grouping import group_by
from rateval.report.export.papers.paper import (
    UNDEFINED,
    Number,
    PaperTable,
    lay_out_scores,
    name_table,
)
from rateval.report.export.selecting import Selection
from rateval.report.export.tables import STATES
from rateval.report.rows import headings
from rateval.wording import plural


def lay_out_tables(selection: Selection, what: str) -> Iterator[PaperTable]:
    """Yield the tables of scores, of comparisons or of transitions."""
    makers = {"cells": lay_out_scores, "comparisons": _differences, "transitions": _transitions}
    yield from makers[what](selection)


def _differences(selection: Selection) -> Iterator[PaperTable]:
    record = selection.record
    for test in _by_test(selection):
        names = headings(record, test[0].validator)
        metrics = [m for m in names if any(pair.difference(m) for pair in test)]
        yield PaperTable(
            caption=f"Differences in points {_name_test(test[0])} ({_count(record, test)}).",
            label=name_table(record, "differences", _name_test(test[0])),
            head=("difference", *(names[metric] for metric in metrics)),
            groups=(
                tuple(
                    (
                        f"{pair.method.finetuner} − {pair.against.finetuner}{_seed(record, pair)}",
                        *(_points(pair.difference(metric)) for metric in metrics),
                    )
                    for pair in test
                ),
            ),
            notes=(
                f"Paired intervals at {100 * record.level:g} %. Bold: the interval leaves out 0; "
                "elsewhere no difference is shown.",
            ),
        )


def _points(one: DifferenceRecord | None) -> Number:
    if one is None:
        return Number(UNDEFINED)
    text = f"{100 * one.value:+.1f}".replace("-", "−")
    if one.low is None or one.high is None:
        return Number(text)
    up, down = one.high - one.value, one.value - one.low
    return Number(text, f"{100 * up:.1f}", f"{100 * down:.1f}", one.excludes_0)


def _transitions(selection: Selection) -> Iterator[PaperTable]:
    for test in _by_test(selection):
        found = {s for pair in test for a, row in pair.transitions.items() for s in (a, *row)}
        states = [state for state in STATES if state in found]
        units = plural(selection.record.unit(test[0].method.dataset))
        yield PaperTable(
            caption=f"{units.capitalize()} by state before and after {_name_test(test[0])} "
            f"({_count(selection.record, test)}).",
            label=name_table(selection.record, "transitions", _name_test(test[0])),
            head=("against → method", "state", *states),
            groups=tuple(_matrix(selection.record, pair, states) for pair in test),
            names=2,
            notes=(
                "Rows: state by the first method; columns: by the second. R, W: right or wrong "
                "prediction, then evidence; U: evidence unknown.",
            ),
        )


def _matrix(
    record: RunRecord, pair: ComparisonRecord, states: Sequence[str]
) -> tuple[tuple[str | Number, ...], ...]:
    name = f"{pair.against.finetuner} → {pair.method.finetuner}{_seed(record, pair)}"
    rows: list[tuple[str | Number, ...]] = [
        (before, *(Number(f"{row.get(after, 0):,g}") for after in states))
        for before in states
        if (row := pair.transitions.get(before)) is not None
    ]
    return tuple((name if not at else "", *row) for at, row in enumerate(rows))


def _by_test(selection: Selection) -> list[list[ComparisonRecord]]:
    return group_by(selection.comparisons, lambda found: (found.method.test, found.validator))


def _seed(record: RunRecord, pair: ComparisonRecord) -> str:
    if len(record.seeds) == 1:
        return ""
    seed = pair.method.seed if pair.method.seed is not None else pair.against.seed
    return "" if seed is None else f", seed {seed}"


def _count(record: RunRecord, test: Sequence[ComparisonRecord]) -> str:
    most = max(pair.count for pair in test)
    unit = record.unit(test[0].method.dataset)
    return f"n = {most:,g} {unit if most == 1 else plural(unit)}"


def _name_test(pair: ComparisonRecord) -> str:
    key = pair.method
    shift = f", {key.shift.text}" if key.shift else ""
    return f"for {key.model} on {key.dataset}{shift}; {key.attribution}, judged by {pair.validator}"
