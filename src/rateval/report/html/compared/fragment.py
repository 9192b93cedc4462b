"""Compared runs as a fragment of HTML: no script, no colour of its own, no style sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rateval.records.compare import CompareRecord, MetricPairRecord, PairRecord
from rateval.report.html.compared.scores import describe_runs, name_test
from rateval.report.html.figures import show_difference, show_value
from rateval.report.html.fragment import LABEL, NUMBER, beside
from rateval.report.html.markup import Child, Html, tag
from rateval.report.terminal.compared import (
    as_estimate,
    explain_pairs,
    group_pairs,
    name_pair,
    name_run,
    write_units,
)

ROWS_SHOWN = 60
"""Rows of all tables together; the page has more."""
NOTES_SHOWN = 30


def write_fragment(record: CompareRecord) -> str:
    """Return the tables of a comparison, its sentences and how to see more."""
    runs = (tag("li", f"{name_run(record, at)}: {run.path}") for at, run in enumerate(record.runs))
    parts: list[Child] = [tag("p", describe_runs(record)), tag("ul", *runs)]
    room = ROWS_SHOWN
    for pairs in group_pairs(record):
        shown, room = pairs[: max(room, 0)], room - len(pairs)
        if shown:
            parts.append(_table(record, shown))
    notes = list(explain_pairs(record, record.pairs)) + [f"left out: {w}" for w in record.left_out]
    if notes:
        more = f"and {len(notes) - NOTES_SHOWN} more"
        told = notes[:NOTES_SHOWN] + ([more] if len(notes) > NOTES_SHOWN else [])
        parts.append(tag("ul", *(tag("li", text) for text in told)))
    if room < 0:
        parts.append(tag("p", f"{-room} more rows stand in the page"))
    whole = tag("p", "all of it, with pictures side by side: ", tag("code", "record.show()"))
    return tag("div", *parts, whole)


def _table(record: CompareRecord, pairs: Sequence[PairRecord]) -> Html:
    headings = {metric.metric: metric.heading for pair in pairs for metric in pair.metrics}
    heads: list[Child] = [tag("th", "method", scope="col", style=LABEL)]
    for heading in headings.values():
        named = (f"{heading} %, baseline", "candidate", "Δ")
        heads += [tag("th", text, scope="col", style=NUMBER) for text in named]
    heads += [tag("th", text, scope="col", style=NUMBER) for text in ("units", "changed")]
    rows = [
        tag(
            "tr",
            tag("td", name_pair(record, pair), style=LABEL),
            *(cell for metric in headings for cell in _cells(pair.metric(metric))),
            tag("td", write_units(pair.count), style=NUMBER),
            tag("td", write_units(pair.moved), style=NUMBER),
        )
        for pair in pairs
    ]
    title = tag("caption", tag("strong", name_test(pairs[0])))
    return tag("table", title, tag("thead", tag("tr", *heads)), tag("tbody", *rows))


def _cells(metric: MetricPairRecord | None) -> Iterator[Html]:
    shown: list[Child] = ["left out", "", ""]
    if metric is not None:
        change = show_difference(as_estimate(metric)) if metric.difference else None
        values = (show_value(metric.baseline), show_value(metric.candidate))
        shown = [*map(beside, values), "undefined" if change is None else beside(change)]
    for text in shown:
        yield tag("td", text, style=NUMBER)
