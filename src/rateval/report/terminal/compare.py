"""Runs beside a baseline: scores on the same units, transitions, and units that changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from rich.console import Group, RenderableType

from rateval.console import Text
from rateval.records.compare import CompareRecord, MetricPairRecord, PairRecord
from rateval.records.scores.estimate import Estimate
from rateval.records.scores.grouping import group_by
from rateval.report.changes import write_change
from rateval.report.terminal.layout import (
    QUADRANTS,
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
    tables = group_by(record.pairs, lambda p: (p.candidate.dataset, p.attribution, p.validator))
    for pairs in tables:
        parts += [Text(), _title(pairs), _scores(record, pairs, wide=width >= _WIDE)]
        parts += show_notes(_notes(record, pairs))
    parts += _transitions(record)
    parts += _changed(record)
    parts += _apart(record)
    return Group(*parts, Text(), make_pairs(_words(record), "bold"))


def _head(record: CompareRecord) -> Text:
    head = Text()
    several = len(record.runs) > 2
    for number, run in enumerate(record.runs):
        name = f"candidate{f' {number}' if several else ''}" if number else "baseline"
        head.append("\n" if number else "").append(name, "bold").append(f"  {run.path}")
        if run.status != "finished":
            head.append(f"  {run.status}: some cells may be missing", "yellow")
    return head


def _title(pairs: Sequence[PairRecord]) -> Text:
    first = pairs[0]
    counts = {pair.count for pair in pairs}
    shared = f"{first.count:,g} units of both" if len(counts) == 1 else "units of both"
    by = " · ".join(filter(None, (first.attribution, first.validator)))
    return make_title(first.candidate.dataset, f"{by}  {shared}")


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
    change = _estimate(metric)
    shown = show_change(found.value, None if found.excludes_0 else "")
    yield shown.append(show_mark(change))
    yield show_interval(change)
    if wide:
        yield _p(None if found.few else found.p)
        yield _p(None if found.few else found.p_corrected)


def _estimate(metric: MetricPairRecord) -> Estimate:
    found = metric.difference
    assert found is not None
    return Estimate(
        value=found.value, low=found.low, high=found.high, over=found.over, count=0, p=found.p
    )


def _p(p: float | None) -> Text:
    if p is None:
        return Text()
    return Text("<.001" if p < 0.001 else f"{p:.3f}".replace("0.", ".", 1))


def name_pair(record: CompareRecord, pair: PairRecord) -> str:
    """Return what tells a pair from the others of its table: methods, and the run of several."""
    one, other = pair.baseline, pair.candidate
    same = (one.method, one.shift) == (other.method, other.shift)
    name = other.row if same else f"{one.row} → {other.row}"
    if one.attribution != other.attribution and pair.attribution is not None:
        name += f", {one.attribution} → {other.attribution}"
    return name if len(record.runs) == 2 else f"{name} ({pair.run})"


def _notes(record: CompareRecord, pairs: Sequence[PairRecord]) -> Iterator[str]:
    for pair in pairs:
        name = name_pair(record, pair)
        unshown = [
            f"{metric.heading} {write_change(_estimate(metric))}"
            for metric in pair.metrics
            if metric.difference and metric.difference.low is not None
            if not metric.difference.excludes_0
        ]
        if unshown:
            yield f"{name}: {'; '.join(unshown)}"
        if pair.only_baseline or pair.only_candidate:
            yield (
                f"{name}: {pair.only_baseline:,g} units are in the baseline only, "
                f"{pair.only_candidate:,g} in the candidate only; they are in no number here"
            )
        if len(pair.seeds) > 1 or pair.seeds[0][0] != pair.seeds[0][1]:
            seeds = list_some(f"{other} → {one}" for one, other in pair.seeds)
            yield f"{name}: by seed, baseline → candidate: {seeds}"
        for whose, left in zip(("candidate", "baseline"), pair.unpaired, strict=True):
            if left:
                yield f"{name}: seeds of the {whose} alone: {list_some(map(str, left))}"
        if pair.other_view:
            yield (
                f"{name}: the views differ, {pair.other_view}: PT and IR compare models with their "
                "views, not models alone"
            )
        yield from (f"{name}: {label} left out: {why}" for label, why in pair.left_out.items())
        for found in pair.findings:
            of = "" if found.margin is None else f" of {100 * found.margin:g} points or more"
            about = "" if found.margin is None else f" in {list_some(found.metrics)}"
            yield f"{name}: {found.claim}{of}{about}"


def _transitions(record: CompareRecord) -> Iterator[RenderableType]:
    moving = [pair for pair in record.pairs if pair.moved]
    if not moving:
        yield Text("\nno unit changed its quadrant")
    for pair in moving[:_MATRICES_SHOWN]:
        yield Text()
        about = f"from the baseline's row to the column: {_full(record, pair)}"
        yield make_title("quadrants", about)
        table = make_table("")
        states = [*QUADRANTS, *(state for state in ("RU", "WU") if _has(pair, state))]
        for state in states:
            add_number(table, state)
        for before in states:
            row = pair.transitions.get(before, {})
            add_row(table, before, *(f"{row.get(after, 0):,g}" for after in states))
        yield table
        yield from show_notes([f"{pair.moved:,g} of {pair.count:,g} units changed"], "")
    rest = len(moving) - _MATRICES_SHOWN
    if rest > 0:
        yield Text(f"and the transitions of {rest} more pairs, with --json", style="yellow")


def _has(pair: PairRecord, state: str) -> bool:
    return state in pair.transitions or any(state in row for row in pair.transitions.values())


def _full(record: CompareRecord, pair: PairRecord) -> str:
    by = " · ".join(filter(None, (pair.attribution, pair.validator)))
    return f"{name_pair(record, pair)} on {pair.candidate.dataset} · {by}"


def _changed(record: CompareRecord) -> Iterator[RenderableType]:
    for pair in [pair for pair in record.pairs if pair.changed][:_MATRICES_SHOWN]:
        yield Text()
        some = f"{len(pair.changed):,} of {pair.moved * len(pair.seeds):,g}"
        yield make_title("changed", f"{some}: {_full(record, pair)}")
        seeded = len(pair.seeds) > 1
        table = make_table("unit", *(["seed"] if seeded else []), "class", "quadrant", "predicted")
        for unit in pair.changed:
            before, after = unit.baseline_prediction, unit.candidate_prediction
            told = after if before == after else f"{before} → {after}"
            quadrant = f"{unit.baseline} → {unit.candidate}"
            seed = [str(unit.seed)] if seeded else []
            add_row(table, unit.id, *seed, unit.label, quadrant, told)
        yield table


def _apart(record: CompareRecord) -> Iterator[RenderableType]:
    if record.apart:
        yield Text()
        yield make_title("what differs besides", "baseline → candidate")
        several = len(record.runs) > 2
        for found in record.apart[:_APART_SHOWN]:
            run = f" ({found.run})" if several else ""
            yield Text(
                f"  {found.where}: {_write(found.baseline)} → {_write(found.candidate)}{run}"
            )
        rest = len(record.apart) - _APART_SHOWN
        if rest > 0:
            yield Text(f"  and {rest} more, with --json", style="yellow")
    if record.alone:
        yield Text(f"without a partner: {list_some(map(_short, record.alone))}", style="yellow")
    yield from (Text(f"left out: {why}", style="yellow") for why in record.left_out)


def _short(alone: str) -> str:
    path, _, label = alone.rpartition(": ")
    return f"{PurePath(path).name}: {label}"


def _write(value: object) -> str:
    return "nothing" if value is None else str(value)


def _words(record: CompareRecord) -> Iterator[tuple[str, str]]:
    yield (
        "Δ",
        "candidate minus baseline in points, unit by unit; ↑ ↓ where the "
        f"{100 * record.level:g} % interval leaves out 0",
    )
    over = {
        metric.difference.over for p in record.pairs for metric in p.metrics if metric.difference
    }
    if "seeds and images" in over or "seeds and clusters" in over:
        yield "seeds", "values are means; intervals speak of other seeds and of images like these"
    yield "p (Holm)", "corrected for all pairs and metrics of one table, from 110 columns on"
