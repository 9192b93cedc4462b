"""What a terminal shows of shifts: in short by type, and with details by severity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType

from rateval.console import Text
from rateval.records.run import RunRecord
from rateval.records.scores.comparisons import DifferenceRecord
from rateval.records.scores.grouping import group_by
from rateval.records.scores.shifts import (
    ORDERED,
    RelativeErrorRecord,
    ShiftsRecord,
    ShiftTypeRecord,
)
from rateval.report.rows import Block
from rateval.report.sentences.shifts import (
    TOLD,
    explain_errors,
    explain_lacking,
    explain_orders,
    explain_trends,
    find_orders,
    find_shifts,
    name_methods,
    name_type,
)
from rateval.report.shift_numbers import mark, write_bounds, write_ends, write_points
from rateval.report.terminal.layout import (
    add_number,
    add_row,
    in_percent,
    make_table,
    make_title,
    show_notes,
    show_number,
)
from rateval.report.terminal.table import Table

HOW_MORE = "each severity: rateval report --details"

_LABEL = 20
"""Columns of a terminal that the names of types take, about."""
_SCORE = 25
"""Columns that the change of a score takes."""
_FIGURE, _BARE = 22, 8
"""Columns that a relative error takes, with its interval and without."""


class ShiftTables:
    """The tables on shifts of one report."""

    def __init__(self, record: RunRecord, width: int, *, details: bool) -> None:
        self._record, self._width, self._details = record, width, details
        self._most = max(len(TOLD), (width - _LABEL) // _SCORE)
        self._level = f"{100 * record.level:g} %"

    def sections(self, block: Block) -> Iterator[RenderableType]:
        """Yield what is told of the shifts of one table; nothing where it has none."""
        for found in group_by(find_shifts(self._record, block), lambda one: one.family):
            family = found[0].family
            title = f"under {family}, mean over severities · {block.judged_by}"
            yield from (Text(), make_title(block.dataset, title), self._by_type(found))
            if not self._details:
                yield from show_notes([HOW_MORE], "dim")
            if self._details:
                by = f"under {family} against clean, by severity · {block.judged_by}"
                yield from (Text(), make_title(block.dataset, by), self._by_severity(found))
                yield from self._errors(block, found)
            headings = ORDERED if self._details else TOLD
            orders = find_orders(self._record, block, family)
            yield from show_notes(explain_trends(found, self._record.level, headings), "none")
            yield from show_notes((*explain_errors(found), *explain_orders(orders)), "none")
            yield from show_notes(explain_lacking(found))

    def _metrics(self, found: Sequence[ShiftsRecord]) -> dict[str, str]:
        """Return label to heading of the metrics that there is room for."""
        known = {
            score.metric: score.heading
            for one in found
            for kind in one.types
            for score in kind.scores
        }
        ordered = sorted(
            (label for label, heading in known.items() if heading in ORDERED),
            key=lambda label: ORDERED.index(known[label]),
        )
        rest = [label for label in known if label not in ordered]
        return {label: known[label] for label in [*ordered, *rest][: self._most]}

    def _add_changes(self, table: Table, metrics: Mapping[str, str]) -> None:
        for heading in metrics.values():
            table.add_column(Text(f"Δ {heading} ({self._level})"))

    def _by_type(self, found: Sequence[ShiftsRecord]) -> Table:
        metrics = self._metrics(found)
        table = make_table("type", tight=True)
        self._add_changes(table, metrics)
        for one, name in zip(found, name_methods(found), strict=True):
            clean = {metric: _clean(one.types[0], metric) for metric in metrics}
            add_row(table, Text(name, style="bold"), *map(_write_clean, clean.values()))
            for kind in one.types:
                cells = [_mean(kind, metric, clean[metric]) for metric in metrics]
                add_row(table, f"  {name_type(kind.kind)}", *cells)
        return table

    def _by_severity(self, found: Sequence[ShiftsRecord]) -> Table:
        metrics = self._metrics(found)
        table = make_table("type", tight=True)
        add_number(table, "severity")
        self._add_changes(table, metrics)
        for one, name in zip(found, name_methods(found), strict=True):
            add_row(table, Text(name, style="bold"))
            for kind in one.types:
                for at, shifted in enumerate(kind.shifted):
                    severity = shifted.shift.severity
                    add_row(
                        table,
                        "" if at else f"  {name_type(kind.kind)}",
                        "–" if severity is None else str(severity),
                        *(show_difference(shifted.change(metric)) for metric in metrics),
                    )
        return table

    def _errors(self, block: Block, found: Sequence[ShiftsRecord]) -> Iterator[RenderableType]:
        for alike in group_by(found, lambda one: one.reference):
            for title, table in error_tables(alike, self._width):
                yield from (Text(), make_title(block.dataset, title), table)


def error_tables(found: Sequence[ShiftsRecord], width: int) -> Iterator[tuple[str, Table]]:
    """Yield tables of relative errors by type, with title, as many methods in each as have room.

    ``found`` are the methods that are relative to one, whose own errors are left out. They have
    their intervals where all of them fit with these.
    """
    reference = found[0].reference
    others = [one for one in found if one.method != reference]
    if reference is None or not others:
        return
    names = name_methods(found)
    named = [(one, name) for one, name in zip(found, names, strict=True) if one in others]
    room = width - _LABEL
    wide = sum(max(len(name), _FIGURE) + 1 for _, name in named) <= room
    most = len(named) if wide else max(1, room // (1 + max(_BARE, *(len(n) for _, n in named))))
    for what, relative in (("CE", False), ("relative CE", True)):
        title = f"{what} % of {reference.method}, under {found[0].family}"
        for at in range(0, len(named), most):
            yield title, _error_table(named[at : at + most], relative=relative, wide=wide)


def _error_table(named: Sequence[tuple[ShiftsRecord, str]], *, relative: bool, wide: bool) -> Table:
    table = make_table("type", tight=True)
    for _, name in named:
        add_number(table, name)
    found = [one for one, _ in named]
    for at, kind in enumerate(found[0].types):
        types = [one.types[at] for one in found]
        figures = [one.relative_error if relative else one.error for one in types]
        add_row(table, name_type(kind.kind), *(_figure(one, wide=wide) for one in figures))
    means = [one.mean_relative_error if relative else one.mean_error for one in found]
    add_row(table, Text("mean", style="bold"), *(_figure(one, wide=wide) for one in means))
    add_row(table, Text("types", style="dim"), *(f"{mean.types} of {mean.of}" for mean in means))
    return table


def _figure(found: RelativeErrorRecord, *, wide: bool) -> Text:
    text = show_number(in_percent(found.value), ".1f")
    ends = write_ends(found) if wide else ""
    return text.append(f" ({ends})", style="none") if ends else text


def _clean(kind: ShiftTypeRecord, metric: str) -> float | None:
    score = kind.score(metric)
    return None if score is None else score.clean


def _write_clean(clean: float | None) -> Text:
    return Text("" if clean is None else f"clean {in_percent(clean):.1f} %", style="dim")


def _mean(kind: ShiftTypeRecord, metric: str, clean: float | None) -> Text:
    """Return a change, and what it is of where that isn't ``clean``: a type may skip images."""
    score = kind.score(metric)
    text = show_difference(None if score is None else score.change)
    if score is None or score.clean == clean or score.clean is None:
        return text
    return text.append(f" of {in_percent(score.clean):.1f}", style="dim")


def show_difference(change: DifferenceRecord | None) -> Text:
    """Return a change with its interval and mark, in colour where the interval leaves out 0."""
    if change is None:
        return show_number(None, "")
    style = ("green" if change.value > 0 else "red") if change.excludes_0 else ""
    text = Text(f"{write_points(change):>5}", style=style)
    return text.append(write_bounds(change), style="dim").append(mark(change))
