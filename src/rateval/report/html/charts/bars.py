"""Bars of quadrants, each part a button to its images."""

from __future__ import annotations

from rateval.records.run import RunRecord
from rateval.report.html.figures import MEANINGS, filter_row, write_quadrant
from rateval.report.html.markup import Child, Html, door, join, tag
from rateval.report.rows import Block, Row, name_rows
from rateval.report.terminal.layout import QUADRANTS
from rateval.wording import write_count

ROWS_SHOWN = 60
"""Bars of one test."""

UNKNOWN = ("RU", "WU")
"""States of images whose evidence is unknown: they have no mask."""

ROOM = 7
"""Share of a bar, in percent, from which on its count is written inside."""


def quadrant_bars(record: RunRecord, block: Block) -> Html | None:
    """Return a bar for each row of a block; None where nothing was judged."""
    rows = [row for row in block.rows if row.evidence is not None]
    if not rows:
        return None
    names = name_rows(block)
    bars = [_bar(record, block, row, names[row.key]) for row in rows[:ROWS_SHOWN]]
    left = len(rows) - ROWS_SHOWN
    more = tag("p", f"and {left} more, as in the table", class_="left-out") if left > 0 else None
    keys = [tag("li", text, class_=f"q{name}") for name, text in MEANINGS.items()]
    if any(_unknown(row) for row in rows):
        keys.append(tag("li", "evidence unknown", class_="qUU"))
    return join([tag("ul", *bars, class_="bars"), tag("ul", *keys, class_="legend"), more])


def _bar(record: RunRecord, block: Block, row: Row, name: str) -> Html:
    evidence = row.evidence
    assert evidence is not None
    total = sum(evidence.quadrants.values())
    parts: list[Child] = []
    for quadrant in QUADRANTS:
        count = evidence.quadrants[quadrant]
        if not count:
            continue
        share = round(100 * count / total)
        text = write_quadrant(evidence, quadrant)
        parts.append(
            door(
                text if share >= ROOM else "",
                filter_row(record, block, row) | {"quadrant": quadrant},
                f"{record.label(row.key)}: {write_count(count, block.unit)} {MEANINGS[quadrant]}",
                f"part q{quadrant} w{max(share, 1)}",
            )
        )
    if unknown := _unknown(row):
        share = max(round(100 * unknown / total), 1)
        says = f"{write_count(unknown, block.unit)} without known evidence"
        parts.append(tag("span", "", class_=f"part qUU w{share}", role="img", aria_label=says))
    return tag("li", tag("span", name, class_="name"), tag("span", *parts, class_="bar-parts"))


def _unknown(row: Row) -> float:
    return sum(row.evidence.quadrants.get(name, 0) for name in UNKNOWN) if row.evidence else 0
