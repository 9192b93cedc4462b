"""Runs beside a baseline: scores on the same units, transitions, and units that changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType

from rateval.console import Text
from rateval.records.compare import CompareRecord, MetricPairRecord, PairRecord
from rateval.report.terminal.compared import (
    as_estimate,
    explain_pairs,
    explain_signs,
    group_pairs,
    judged_by,
    list_states,
    name_in_full,
    name_pair,
    name_run,
    shorten_alone,
    tell_moved,
    tell_status,
    write_p,
    write_side,
    write_units,
)
from rateval.report.terminal.layout import (
    add_number,
    add_row,
    make_pairs,
    make_table,
    make_title,
    show_change,
    show_interval,
    show_mark,
    show_notes,
    show_number,
)
from rateval.report.terminal.table import Table
from rateval.wording import list_some

_WIDE = 110
"""Columns from which on tables of scores have p as well."""

_APART_SHOWN = 12
"""Differences of specs and environments that are printed."""

_MATRICES_SHOWN = 6
"""Pairs whose transitions are printed as a table."""


def render_compare(record: CompareRecord, width: int) -> RenderableType:
    """Lay out tables of scores, transitions and changed units, and what else there is to say."""
    parts: list[RenderableType] = [_head(record)]
    for pairs in group_pairs(record):
        parts += [Text(), _title(pairs), _scores(record, pairs, wide=width >= _WIDE)]
        parts += show_notes(explain_pairs(record, pairs))
    parts += _transitions(record)
    parts += _changed(record)
    parts += _apart(record)
    return Group(*parts, Text(), make_pairs(explain_signs(record, ", from 110 columns on"), "bold"))


def _head(record: CompareRecord) -> Text:
    head = Text()
    for number, run in enumerate(record.runs):
        head.append("\n" if number else "").append(name_run(record, number), "bold")
        head.append(f"  {run.path}")
        if run.status != "finished":
            head.append(f"  {tell_status(run)}", "yellow")
    return head


def _title(pairs: Sequence[PairRecord]) -> Text:
    first = pairs[0]
    counts = {pair.count for pair in pairs}
    shared = f"{write_units(first.count)} units of both" if len(counts) == 1 else "units of both"
    return make_title(first.candidate.dataset, f"{judged_by(first)}  {shared}")


def _scores(record: CompareRecord, pairs: Sequence[PairRecord], *, wide: bool) -> Table:
    table = make_table("method", "metric")
    for heading in ("baseline", "candidate", "Δ ", f"{100 * record.level:g} %"):
        add_number(table, heading)
    if wide:
        add_number(table, "p")
        add_number(table, "p (Holm)")
    for pair in pairs:
        name = name_pair(record, pair)
        for metric in pair.metrics:
            add_row(table, name, metric.heading, *_numbers(metric, wide=wide))
            name = ""
    return table


def _numbers(metric: MetricPairRecord, *, wide: bool) -> Iterator[Text]:
    for value in (metric.baseline.value, metric.candidate.value):
        yield show_number(None if value is None else 100 * value, ".1f")
    found = metric.difference
    if found is None:
        yield from (Text() for _ in range(4 if wide else 2))
        return
    change = as_estimate(metric)
    shown = show_change(found.value, None if found.excludes_0 else "")
    yield shown.append(show_mark(change))
    yield show_interval(change)
    if wide:
        yield Text(write_p(found))
        yield Text(write_p(found, corrected=True))


def _transitions(record: CompareRecord) -> Iterator[RenderableType]:
    moving = [pair for pair in record.pairs if pair.moved]
    if not moving:
        yield Text("\nno unit changed its quadrant")
    for pair in moving[:_MATRICES_SHOWN]:
        yield Text()
        about = f"from the baseline's row to the column: {name_in_full(record, pair)}"
        yield make_title("quadrants", about)
        table = make_table("")
        states = list_states(pair)
        for state in states:
            add_number(table, state)
        for before in states:
            row = pair.transitions.get(before, {})
            add_row(table, before, *(write_units(row.get(after, 0)) for after in states))
        yield table
        yield from show_notes([tell_moved(pair)], "")
    rest = len(moving) - _MATRICES_SHOWN
    if rest > 0:
        yield Text(f"and the transitions of {rest} more pairs, with --json", style="yellow")


def _changed(record: CompareRecord) -> Iterator[RenderableType]:
    for pair in [pair for pair in record.pairs if pair.changed][:_MATRICES_SHOWN]:
        yield Text()
        some = f"{len(pair.changed):,} of {round(pair.moved * len(pair.seeds)):,}"
        yield make_title("changed", f"{some}: {name_in_full(record, pair)}")
        seeded = len(pair.seeds) > 1
        asked = any(unit.question for unit in pair.changed)
        first = ["unit", *(["seed"] if seeded else []), *(["question"] if asked else [])]
        table = make_table(*first, "label" if asked else "class", "quadrant", "predicted")
        for unit in pair.changed:
            before, after = unit.baseline_prediction, unit.candidate_prediction
            told = after if before == after else f"{before} → {after}"
            quadrant = f"{unit.baseline} → {unit.candidate}"
            seed = [str(unit.seed)] if seeded else []
            question = [unit.question] if asked else []
            add_row(table, unit.id, *seed, *question, unit.label, quadrant, told)
        yield table


def _apart(record: CompareRecord) -> Iterator[RenderableType]:
    if record.apart:
        yield Text()
        yield make_title("what differs besides", "baseline → candidate")
        several = len(record.runs) > 2
        for found in record.apart[:_APART_SHOWN]:
            run = f" ({found.run})" if several else ""
            both = f"{write_side(found, found.baseline)} → {write_side(found, found.candidate)}"
            yield Text(f"  {found.where}: {both}{run}")
        rest = len(record.apart) - _APART_SHOWN
        if rest > 0:
            yield Text(f"  and {rest} more, with --json", style="yellow")
    if record.alone:
        yield Text(
            f"without a partner: {list_some(map(shorten_alone, record.alone))}", style="yellow"
        )
    yield from (Text(f"left out: {why}", style="yellow") for why in record.left_out)
