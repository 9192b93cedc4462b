"""The first screen of a page: what is measured, and in plain words what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rateval.records.run import RunRecord
from rateval.records.scores.estimate import Estimate
from rateval.report.html.figures import find_metric
from rateval.report.html.markup import Html, join, tag
from rateval.report.html.tables import anchor
from rateval.report.rows import Block, Row, name_rows
from rateval.report.sentences.causes import find_looks
from rateval.report.terminal.layout import show_change, show_mark
from rateval.wording import list_some

TESTS_SHOWN = 12
"""Tests whose verdict is told; the tables are those of all."""

HOW = (
    "Each method against zero-shot, the model before it was trained on these data, {unit} by "
    "{unit}. Changes are in percentage points; ↑ and ↓ mark those whose {level} % interval leaves "
    "out 0."
)

ROWS_TOLD = 8
"""Rows of one verdict whose changes are listed."""


def explain_measures() -> Html:
    """Return what PT and IR mean, for people who never heard of them."""
    return tag(
        "div",
        tag(
            "p",
            tag("strong", "PT"),
            " (prediction trustworthiness): when the model is right, how often does it look at the "
            "thing itself, and not at something beside it that happened to give the answer away?",
        ),
        tag(
            "p",
            tag("strong", "IR"),
            " (inference reliability): when the model does look at the thing itself, how often is "
            "it right?",
        ),
        class_="measures",
    )


def verdicts(record: RunRecord, blocks: Sequence[Block], metrics: Mapping[str, str]) -> Html:
    """Return in plain words what each test shows, rows that go the same way together."""
    items = [
        tag(
            "li",
            tag("a", block.dataset, href=f"#{anchor(at)}", class_="where"),
            tag("span", block.judged_by, class_="by"),
            tag("ul", *found),
        )
        for at, block in enumerate(blocks[:TESTS_SHOWN])
        if (found := list(_sum_up(record, block, metrics)))
    ]
    if not items:
        return tag("p", "Nothing is compared here: no method stands beside a zero-shot one.")
    left = len(blocks) - TESTS_SHOWN
    more = tag("p", f"{left} more tests stand in the tables", class_="left-out")
    how = tag("p", HOW.format(level=f"{100 * record.level:g}", unit=record.unit()), class_="how")
    return join([how, tag("ul", *items, class_="verdicts"), more if left > 0 else None])


def _sum_up(record: RunRecord, block: Block, metrics: Mapping[str, str]) -> Iterator[Html]:
    """Yield an item for all rows that go one way, with the changes of each below it."""
    labels = {heading: find_metric(metrics, heading) for heading in ("accuracy", "PT", "IR")}
    gamed = {row.key for found in find_looks(record, block) for row, _ in found}
    names = name_rows(block)
    told: dict[str, list[tuple[str, str]]] = {}
    for row in block.rows:
        changes = {heading: _change(row, metric) for heading, metric in labels.items()}
        text = _say(_way(changes["accuracy"]), _way(changes["PT"]))
        if text:
            text += LOOKS if row.key in gamed else ""
            told.setdefault(text, []).append((names[row.key], _list_changes(changes)))
    for text, rows in told.items():
        details = [f"{name}: {changes}" for name, changes in rows[:ROWS_TOLD]]
        left = len(rows) - ROWS_TOLD
        yield tag(
            "li",
            tag("strong", list_some(name for name, _ in rows)),
            f": {text}.",
            *(tag("small", line) for line in details),
            tag("small", f"and {left} more, as in the table") if left > 0 else None,
        )


def _change(row: Row, metric: str) -> Estimate | None:
    score = row.score(metric)
    return None if score is None else score.change


def _list_changes(changes: Mapping[str, Estimate | None]) -> str:
    return ", ".join(
        f"{heading} {show_change(change.value).plain}{show_mark(change).rstrip()}"
        for heading, change in changes.items()
        if change is not None and change.value is not None
    )


def _way(change: Estimate | None) -> str | None:
    """Return which way a change goes, as far as its interval bears it; None without one."""
    if change is None or change.low is None:
        return None
    if not change.excludes_0:
        return "level"
    return "up" if change.above_0 else "down"


_RIGHT = {
    "up": "right more often than zero-shot",
    "down": "right less often than zero-shot",
    "level": "no difference shown in how often the answer is right",
}
_REASON = {
    "up": "more often for the right reason",
    "down": "less often for the right reason",
    "level": "no difference shown in the reasons",
}
LOOKS = ". Yet many maps only look right: the answer does not depend on the thing itself"
"""What is said of a method whose maps are flagged."""


def _say(accuracy: str | None, pt: str | None) -> str:
    """Return in words which way both go; empty where neither has an interval.

    >>> _say("up", "down")
    'right more often than zero-shot, but less often for the right reason'
    >>> _say(None, "level")
    'no difference shown in the reasons'
    """
    if accuracy is None or pt is None:
        return _RIGHT[accuracy] if accuracy else _REASON[pt] if pt else ""
    if "level" in (accuracy, pt):
        return f"{_RIGHT[accuracy]}; {_REASON[pt]}"
    return _RIGHT[accuracy] + (", and " if accuracy == pt else ", but ") + _REASON[pt]
