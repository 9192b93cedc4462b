"""Maps of scores by the type and the severity of a shift, where the study has such shifts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rateval.records.run import RunRecord
from rateval.report.html.figures import filter_row, show_value, write_percent
from rateval.report.html.markup import Child, Html, door, join, tag
from rateval.report.html.tables import scrolling
from rateval.report.rows import Block, Row
from rateval.report.terminal.layout import UNDEFINED

MAPS_SHOWN = 24
"""Maps of one test: methods by scores."""

HEADINGS = ("accuracy", "PT", "IR")

STEPS = 10
"""Shades of a map."""


@dataclass(frozen=True, slots=True)
class _Shift:
    """A shift by what it does and how strongly."""

    type: str
    severity: str


def severity_maps(record: RunRecord, block: Block, metrics: Mapping[str, str]) -> Html | None:
    """Return a map for each method and score of a block; None without shifts of a severity."""
    shifts = dict(_shifts(record))
    methods: dict[tuple[str, str], list[Row]] = {}
    for row in block.rows:
        methods.setdefault((row.key.model, row.key.finetuner), []).append(row)
    if not any(row.key.shift in shifts for row in block.rows):
        return None
    maps = [
        _map(record, block, rows, shifts, metric, heading)
        for rows in methods.values()
        for metric, heading in metrics.items()
        if heading in HEADINGS
    ]
    left = len(maps) - MAPS_SHOWN
    more = tag("p", f"and {left} more, as in the table", class_="left-out") if left > 0 else None
    return join([tag("div", *maps[:MAPS_SHOWN], class_="pair"), more])


def _shifts(record: RunRecord) -> Iterator[tuple[str, _Shift]]:
    for entry in record.spec_resolved.get("shift", ()):
        params = entry.get("params", {})
        if "severity" in params:
            named = params.get("type") or params.get("corruption") or entry["component"]
            yield entry["name"], _Shift(str(named), str(params["severity"]))


def _map(
    record: RunRecord,
    block: Block,
    rows: list[Row],
    shifts: Mapping[str, _Shift],
    metric: str,
    heading: str,
) -> Html:
    found = {shift: row for row in rows if (shift := shifts.get(row.key.shift or ""))}
    types = list(dict.fromkeys(shift.type for shift in found))
    severities = sorted({shift.severity for shift in found}, key=_in_order)
    unshifted = next((row for row in rows if row.key.shift is None), None)
    heads: list[Child] = [tag("th", "type", scope="col"), tag("th", "none", scope="col")]
    heads += [tag("th", severity, scope="col", class_="number") for severity in severities]
    body = []
    for type_ in types:
        cells = [_cell(record, block, unshifted, metric)] + [
            _cell(record, block, found.get(_Shift(type_, severity)), metric)
            for severity in severities
        ]
        body.append(tag("tr", tag("th", type_, scope="row"), *cells))
    caption = f"{heading} % of {rows[0].key.method} by type and severity"
    table = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *heads)),
        tag("tbody", *body),
        class_="severity",
    )
    return scrolling(table, caption)


def _cell(record: RunRecord, block: Block, row: Row | None, metric: str) -> Html:
    score = None if row is None else row.score(metric)
    if row is None or score is None:
        return tag("td", UNDEFINED if row is None else row.lack, class_="number")
    value = score.value.value
    if value is None:
        return tag("td", show_value(score.value), class_="number")
    text = write_percent(value)
    says = f"{text} %: all images of {record.label(row.key)}"
    shade = f"number h{round(STEPS * value)}"
    return tag("td", door(text, filter_row(record, block, row), says), class_=shade)


def _in_order(severity: str) -> tuple[int, float, str]:
    """Return what sorts severities: numbers by size, then words.

    >>> sorted(["10", "high", "2"], key=_in_order)
    ['2', '10', 'high']
    """
    try:
        return 0, float(severity), ""
    except ValueError:
        return 1, 0.0, severity
