"""Maps of scores by the type and the severity of a shift, where the study has such shifts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rateval.records.run import RunRecord
from rateval.records.shift import ShiftKey
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


def severity_maps(record: RunRecord, block: Block, metrics: Mapping[str, str]) -> Html | None:
    """Return a map for each method and score of a block; None without shifts of a severity."""
    if not any(key.severity is not None for key in _shifts(block.rows)):
        return None
    methods: dict[tuple[str, str], list[Row]] = {}
    for row in block.rows:
        methods.setdefault((row.key.model, row.key.finetuner), []).append(row)
    maps = [
        _map(record, block, rows, metric, heading)
        for rows in methods.values()
        for metric, heading in metrics.items()
        if heading in HEADINGS
    ]
    left = len(maps) - MAPS_SHOWN
    more = tag("p", f"and {left} more, as in the table", class_="left-out") if left > 0 else None
    return join([tag("div", *maps[:MAPS_SHOWN], class_="pair"), more])


def _shifts(rows: Iterable[Row]) -> Iterator[ShiftKey]:
    return (row.key.shift for row in rows if row.key.shift is not None)


def _map(record: RunRecord, block: Block, rows: list[Row], metric: str, heading: str) -> Html:
    found = {row.key.shift: row for row in rows}
    graded = [key for key in _shifts(rows) if key.severity is not None]
    kinds = list(dict.fromkeys(key.model_copy(update={"severity": None}) for key in graded))
    severities = sorted({key.severity for key in graded if key.severity is not None})
    heads: list[Child] = [tag("th", "type", scope="col"), tag("th", "none", scope="col")]
    heads += [tag("th", str(severity), scope="col", class_="number") for severity in severities]
    body = []
    for kind in kinds:
        graded_alike = (kind.model_copy(update={"severity": one}) for one in severities)
        cells = [_cell(record, block, found.get(key), metric) for key in (None, *graded_alike)]
        body.append(tag("tr", tag("th", _name(kind, kinds), scope="row"), *cells))
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


def _name(kind: ShiftKey, kinds: Sequence[ShiftKey]) -> str:
    """Return the name of a row: the type alone where all are of one family.

    >>> fog, snow = (ShiftKey(family="c", type=one) for one in ("fog", "snow"))
    >>> _name(fog, [fog, snow]), _name(fog, [fog, ShiftKey(family="jpeg")])
    ('fog', 'c fog')
    """
    alone = len({one.family for one in kinds}) == 1
    return kind.type if alone and kind.type is not None else kind.text
