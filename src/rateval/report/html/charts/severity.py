"""Maps of scores by the type and the severity of a shift, with the changes against clean images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rateval.console import Text
from rateval.records.run import RunRecord
from rateval.records.scores.comparisons import DifferenceRecord
from rateval.records.scores.grouping import group_by
from rateval.records.scores.shifts import ORDERED, ShiftsRecord, ShiftTypeRecord
from rateval.records.shift import ShiftKey
from rateval.report.html.figures import filter_row, show_value, write_percent
from rateval.report.html.markup import Child, Html, door, join, tag
from rateval.report.html.parts import convert
from rateval.report.html.tables import scrolling
from rateval.report.rows import Block, Row
from rateval.report.sentences.shifts import (
    explain_errors,
    explain_lacking,
    explain_orders,
    explain_trends,
    find_orders,
    find_shifts,
)
from rateval.report.shift_numbers import mark, write_bounds, write_points
from rateval.report.terminal.layout import UNDEFINED
from rateval.report.terminal.shifts import error_tables

MAPS_SHOWN = 24
"""Maps of one test: methods by scores."""

WIDE = 1000
"""Columns that a terminal would need to show all that a page shows."""

STEPS = 10
"""Shades of a map."""

HOW = (
    "Below a share stands its change in points against clean images, image by image; ↑ ↓ where the "
    "{level} % interval leaves out 0."
)


def severity_maps(record: RunRecord, block: Block, metrics: Mapping[str, str]) -> Html | None:
    """Return a map for each method and score of a block; None without shifts of a severity."""
    if not any(key.severity is not None for key in _shifts(block.rows)):
        return None
    methods: dict[tuple[str, str], list[Row]] = {}
    for row in block.rows:
        methods.setdefault((row.key.model, row.key.finetuner), []).append(row)
    known = find_shifts(record, block)
    maps = [
        _Map(record, block, rows, known, metric, heading).table()
        for rows in methods.values()
        for metric, heading in metrics.items()
        if heading in ORDERED
    ]
    left = len(maps) - MAPS_SHOWN
    more = tag("p", f"and {left} more, as in the table", class_="left-out") if left > 0 else None
    how = tag("p", HOW.format(level=f"{100 * record.level:g}"), class_="how") if known else None
    return join([how, tag("div", *maps[:MAPS_SHOWN], class_="pair maps"), more])


def shift_sections(record: RunRecord, block: Block) -> Iterator[Html]:
    """Yield what is told of each family of shifts: trends, relative errors, changes of order."""
    for found in group_by(find_shifts(record, block), lambda one: one.family):
        family = found[0].family
        texts = [
            *explain_trends(found, record.level, ORDERED),
            *explain_errors(found),
            *explain_orders(find_orders(record, block, family)),
            *explain_lacking(found),
        ]
        yield tag("p", f"Under {family}", class_="how")
        yield tag("ul", *(tag("li", text) for text in texts), class_="words")
        for alike in group_by(found, lambda one: one.reference):
            if alike[0].reference is None:
                continue
            of = alike[0].reference.method
            parts = [
                part for title, table in error_tables(alike, WIDE) for part in (Text(title), table)
            ]
            summary = tag("summary", f"Errors under {family} relative to those of {of}")
            yield tag("details", summary, *convert(parts)) if parts else Html("")


def _shifts(rows: Iterable[Row]) -> Iterator[ShiftKey]:
    return (row.key.shift for row in rows if row.key.shift is not None)


@dataclass(frozen=True, slots=True)
class _Map:
    """The map of one method by one metric."""

    record: RunRecord
    block: Block
    rows: Sequence[Row]
    known: Sequence[ShiftsRecord]
    metric: str
    heading: str

    def table(self) -> Html:
        """Return the map, types by severities."""
        graded = [key for key in _shifts(self.rows) if key.severity is not None]
        kinds = list(dict.fromkeys(key.plain for key in graded))
        severities = sorted({key.severity for key in graded if key.severity is not None})
        heads: list[Child] = [tag("th", "type", scope="col"), tag("th", "none", scope="col")]
        types = self._types()
        heads += [tag("th", "mean", scope="col", class_="number")] if types else []
        heads += [tag("th", str(severity), scope="col", class_="number") for severity in severities]
        body = []
        for kind in kinds:
            keys = [kind.model_copy(update={"severity": one}) for one in severities]
            clean, *cells = (self._cell(key, types.get(kind)) for key in (None, *keys))
            cells = [clean, *([self._mean(types.get(kind))] if types else []), *cells]
            body.append(tag("tr", tag("th", _name(kind, kinds), scope="row"), *cells))
        caption = f"{self.heading} % of {self.rows[0].key.method} by type and severity"
        table = tag(
            "table",
            tag("caption", caption),
            tag("thead", tag("tr", *heads)),
            tag("tbody", *body),
            class_="severity",
        )
        return scrolling(table, caption)

    def _types(self) -> dict[ShiftKey, ShiftTypeRecord]:
        """Return what is known of each type of this method's shifts."""
        key = self.rows[0].key
        return {
            kind.kind: kind
            for one in self.known
            if (one.method.model, one.method.finetuner) == (key.model, key.finetuner)
            for kind in one.types
        }

    def _cell(self, key: ShiftKey | None, kind: ShiftTypeRecord | None) -> Html:
        row = next((row for row in self.rows if row.key.shift == key), None)
        score = None if row is None else row.score(self.metric)
        if row is None or score is None:
            return tag("td", UNDEFINED if row is None else row.lack, class_="number")
        value = score.value.value
        if value is None:
            return tag("td", show_value(score.value), class_="number")
        text = write_percent(value)
        says = f"{text} %: all images of {self.record.label(row.key)}"
        shown = door(text, filter_row(self.record, self.block, row), says)
        changes = (
            () if kind is None else (s.change(self.metric) for s in kind.shifted if s.shift == key)
        )
        return tag("td", shown, _change(next(iter(changes), None)), class_=_shade(value))

    def _mean(self, kind: ShiftTypeRecord | None) -> Html:
        score = None if kind is None else kind.score(self.metric)
        if score is None or score.mean is None:
            why = None if score is None else score.lacking
            return tag("td", UNDEFINED, class_="number", title=why)
        return tag(
            "td", write_percent(score.mean), _change(score.change), class_=_shade(score.mean)
        )


def _shade(value: float) -> str:
    return f"number h{round(STEPS * value)}"


def _change(change: DifferenceRecord | None) -> Html | None:
    """Return a change below a share, its interval where a pointer rests on it."""
    if change is None:
        return None
    sign = mark(change).strip()
    arrow = tag("span", sign, class_="up" if sign == "↑" else "down") if sign else None
    bounds = write_bounds(change).strip().strip("()")
    return tag("small", write_points(change), " " if arrow else None, arrow, title=bounds or None)


def _name(kind: ShiftKey, kinds: Sequence[ShiftKey]) -> str:
    """Return the name of a row: the type alone where all are of one family.

    >>> fog, snow = (ShiftKey(family="c", type=one) for one in ("fog", "snow"))
    >>> _name(fog, [fog, snow]), _name(fog, [fog, ShiftKey(family="jpeg")])
    ('fog', 'c fog')
    """
    alone = len({one.family for one in kinds}) == 1
    return kind.type if alone and kind.type is not None else kind.text
