"""What a gate decided, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from rich.console import Group, RenderableType

from rateval.console import Text
from rateval.records.gate import ACROSS, BEYOND, CheckRecord, GateRecord, Outcome
from rateval.report.gate.words import (
    MARKS,
    explain,
    sum_up,
    write_interval,
    write_needed,
    write_reason,
    write_rule,
    write_value,
)
from rateval.report.terminal.layout import add_number, add_row, make_pairs, make_table, make_title

_STYLES: dict[Outcome, str] = {"passed": "green", "failed": "red", "undecided": "yellow"}


def render_gate(record: GateRecord) -> RenderableType:
    """Lay out a row per requirement and cell, then the reasons that its numbers don't say."""
    table = make_table("", "requirement", "cell")
    add_number(table, "value")
    add_number(table, "interval")
    add_number(table, "would decide")
    for check in record.checks:
        add_row(
            table,
            Text(MARKS[check.outcome], style=_STYLES[check.outcome]),
            f"{check.metric} {write_rule(check)}",
            check.cell,
            Text(write_value(check), style="bold"),
            write_interval(check),
            write_needed(check).replace(" and ", "\nand "),  # leaves names room at 80 columns
        )
    against = f", against {record.against}" if record.against else ""
    title = make_title(record.study, f"gate of {record.run}{against}")
    reasons = list(_reasons(record))
    parts: list[RenderableType] = [title, Text(), table, Text()]
    parts += [make_pairs(reasons, "bold"), Text()] if reasons else []
    parts += [Text(explain(record), style="dim"), Text()]
    return Group(*parts, Text(sum_up(record), style=f"bold {_STYLES[record.outcome]}"))


def _reasons(record: GateRecord) -> Iterator[tuple[str, str]]:
    """Yield rows and why they ended so; what rows one below the other share is said once."""
    told = [
        (at, check)
        for at, check in enumerate(record.checks, 1)
        if (check.outcome != "passed" and check.why not in (BEYOND, ACROSS)) or check.at is not None
    ]
    together = groupby(enumerate(told), lambda row: (row[1][0] - row[0], _said(row[1][1])))
    for (_, (outcome, rule, reason)), group in together:
        rows = [row for _, row in group]
        first, last = rows[0], rows[-1]
        at = f"{first[0]}" if len(rows) == 1 else f"{first[0]}–{last[0]}"
        cells = first[1].cell if len(rows) == 1 else f"{len(rows):,} cells"
        yield f"{at} {outcome}", f"{rule}, {cells}: {reason}"


def _said(check: CheckRecord) -> tuple[Outcome, str, str]:
    parts = [write_reason(check)]
    parts += [check.told] if check.told else []
    parts += [f"(worst: {check.at})"] if check.at else []
    parts += [f"(against {check.against})"] if check.against else []
    return check.outcome, f"{check.metric} {write_rule(check)}", " ".join(parts)
