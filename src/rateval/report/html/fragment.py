"""The tables of a run as a fragment of HTML: no script, no colour of its own, no style sheet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from rateval.errors import RatevalError
from rateval.records.key import Labels
from rateval.records.run import RunRecord
from rateval.report.failures import explain_failures, explain_others
from rateval.report.html.figures import show_difference, show_value
from rateval.report.html.markup import Child, Html, join, tag
from rateval.report.html.tables import caption
from rateval.report.lacks import NOT_FOR_SCORES, Failed
from rateval.report.rows import Block, Row, headings, lay_out
from rateval.report.sentences.changes import explain_block, find_against_zero_shot
from rateval.report.sentences.limits import explain_limit
from rateval.report.sentences.notes import PAGE_NAME
from rateval.report.terminal.layout import show_labels

ROWS_SHOWN = 60
"""Rows of all tables together; the report has all of them."""
NUMBER = "text-align: right; white-space: nowrap"
LABEL = "text-align: left"


def write_fragment(record: RunRecord) -> str:
    """Return the tables of a run, its sentences and where the report is."""
    blocks, metrics = list(lay_out(record)), headings(record)
    findings, failed = find_against_zero_shot(record), Failed(record, NOT_FOR_SCORES)
    said: set[tuple[Labels, str]] = set()
    parts: list[Child] = [_head(record, blocks)]
    room = ROWS_SHOWN
    for block in blocks:
        rows, room = block.rows[: max(room, 0)], room - len(block.rows)
        if rows:
            parts.append(_table(record, block, metrics, rows))
            told = explain_block(block, findings, said)
            parts.append(_list((*explain_failures(record, failed, block.lacking), *told)))
    if room < 0:
        parts.append(tag("p", f"{-room} more rows stand in the report"))
    return tag("div", *parts, tag("p", *_lead_on(record)))


def _head(record: RunRecord, blocks: Sequence[Block]) -> Html:
    count = len(record.failures)
    failures = f", {count} failure{'s' if count > 1 else ''}" if count else ""
    notes = (*explain_limit(record), *explain_others(record, blocks))
    error = tag("p", record.error) if record.error else None
    status = f"  {record.status}{failures}"
    return join([tag("p", tag("strong", record.study), status), error, _list(notes)])


def _list(sentences: Sequence[str]) -> Html | None:
    return tag("ul", *(tag("li", text) for text in sentences)) if sentences else None


def _table(
    record: RunRecord, block: Block, metrics: Mapping[str, str], rows: Sequence[Row]
) -> Html:
    known = {m: name for m, name in metrics.items() if any(row.score(m) for row in rows)}
    changed = {m for m in known if any(s.change for row in rows if (s := row.score(m)))}
    heads: list[Child] = [
        tag("th", name, scope="col", style=LABEL)
        for name in ("model", "method", *(["shift"] if block.shifted else []))
    ]
    for metric, name in known.items():
        heads.append(tag("th", f"{name} %", scope="col", style=NUMBER))
        if metric in changed:
            heads.append(tag("th", "Δ zs", scope="col", style=NUMBER))
    body = [
        tag(
            "tr",
            *(tag("td", text, style=LABEL) for text in show_labels(row.key, shifted=block.shifted)),
            *(cell for metric in known for cell in _cells(row, metric, metric in changed)),
        )
        for row in rows
    ]
    title = tag("caption", tag("strong", block.dataset), f"  {caption(record, block)}")
    return tag("table", title, tag("thead", tag("tr", *heads)), tag("tbody", *body))


def _cells(row: Row, metric: str, changed: bool) -> Iterator[Html]:
    score = row.score(metric)
    shown: list[Child] = [row.lack, ""]
    if score is not None:
        shown = [beside(show_value(score.value)), beside(show_difference(score.change))]
    for text in shown if changed else shown[:1]:
        yield tag("td", text, style=NUMBER)


def beside(number: Html) -> Html:
    """Return a number with its interval beside it, not below."""
    return Html(number.replace("<small>", " <small>"))


def _lead_on(record: RunRecord) -> Iterator[Child]:
    """Yield where the whole report is: a link where it is on disk, else how to see it."""
    try:
        folder = record.path
    except RatevalError:
        yield "this record was not saved"
        return
    page = folder / PAGE_NAME
    if page.is_file():
        yield tag("a", "the whole report", href=_address(page))
        yield f" beside {folder}/run.json"
    else:
        yield "the whole report: "
        yield tag("code", "record.show()")
        yield f", of {folder}/run.json"


def _address(path: Path) -> str:
    """Return a path as a link from the current folder, where a notebook's own folder is.

    >>> _address(Path("my runs/a#1"))
    'my%20runs/a%231'
    """
    try:
        path = Path(os.path.relpath(path))
    except ValueError:  # on another drive
        return path.absolute().as_uri()
    return quote(path.as_posix())
