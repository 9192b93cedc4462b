"""Numbers of a page, written as the terminal's report writes them."""

from __future__ import annotations

from collections.abc import Mapping

from rateval.records.run import RunRecord
from rateval.records.scores.cell import EvidenceRecord
from rateval.records.scores.estimate import Estimate
from rateval.report.html.markup import Html, door, join, tag
from rateval.report.rows import Block, Row
from rateval.report.sentences.changes import write_interval
from rateval.report.terminal.layout import (
    UNDEFINED,
    show_change,
    show_interval,
    show_mark,
    show_number,
)
from rateval.wording import write_count

MEANINGS = {
    "RR": "right, for the right reason",
    "RW": "right, for the wrong reason",
    "WR": "wrong, though it looked at the evidence",
    "WW": "wrong, and looked elsewhere",
}
"""Quadrant to what it says of an image."""


def name_test(row: Row) -> str:
    """Return the name of the test that a row is of: the dataset, and its shift."""
    return row.key.dataset + (f", {row.key.shift.text}" if row.key.shift else "")


def filter_row(record: RunRecord, block: Block, row: Row) -> dict[str, str]:
    """Return what tells the images of a row in a gallery."""
    cell = record.label(row.key)
    return {"test": name_test(row), "cell": cell, "validator": block.validator}


def count_door(record: RunRecord, block: Block, row: Row, quadrant: str) -> Html:
    """Return the count of a quadrant as a button to its units; plain text where there are none."""
    evidence = row.evidence
    if evidence is None:
        return Html("")
    text = write_quadrant(evidence, quadrant)
    if not evidence.quadrants[quadrant]:
        return join([text])
    units = write_count(evidence.quadrants[quadrant], block.unit)
    says = f"{units} of {record.label(row.key)}: {MEANINGS[quadrant]}"
    return door(text, filter_row(record, block, row) | {"quadrant": quadrant}, says)


def write_quadrant(evidence: EvidenceRecord, quadrant: str) -> str:
    """Return the count of a quadrant, with commas between thousands."""
    return f"{evidence.quadrants[quadrant]:,.0f}"


def write_percent(share: float | None) -> str:
    """Return a share in percent, or the sign for an undefined one.

    >>> write_percent(0.125), write_percent(None)
    ('12.5', '–')
    """
    return show_number(None if share is None else 100 * share, ".1f").plain


def show_value(value: Estimate) -> Html:
    """Return a value with its interval below it; an undefined one with its count."""
    if value.value is None:
        counted = "0 of 0" if value.denominator == 0 else "undefined"
        return join([UNDEFINED, tag("small", counted)])
    return join([write_percent(value.value), _small(show_interval(value).plain)])


def show_difference(change: Estimate | None) -> Html:
    """Return a change with the mark that its interval bears, and the interval below it."""
    if change is None:
        return Html("")
    mark = show_mark(change).strip()
    # The arrow says what the colour says, and more plainly.
    arrow = tag("span", mark, class_="up" if mark == "↑" else "down") if mark else None
    points = show_change(change.value).plain
    interval = write_interval(change).strip().strip("()")
    return join([points, " " if mark else None, arrow, _small(interval)])


def _small(text: str) -> Html | None:
    return tag("small", text) if text else None


def find_metric(metrics: Mapping[str, str], heading: str) -> str:
    """Return the label of the metric with this heading; the heading where there is none.

    >>> find_metric({"my-pt": "PT"}, "PT")
    'my-pt'
    """
    return next((metric for metric, head in metrics.items() if head == heading), heading)
