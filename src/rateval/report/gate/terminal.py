"""What a gate decided, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType

from rateval.console import Text
from rateval.records.gate import CheckRecord, GateRecord, Outcome
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
    """Lay out a row per requirement and cell, then a reason for each that didn't pass."""
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
            write_needed(check),
        )
    against = f", against {record.against}" if record.against else ""
    title = make_title(record.study, f"gate of {record.run}{against}")
    reasons = list(_reasons(record))
    parts: list[RenderableType] = [title, Text(), table, Text()]
    parts += [make_pairs(reasons, "bold"), Text()] if reasons else []
    parts += [Text(explain(record), style="dim"), Text()]
    return Group(*parts, Text(sum_up(record), style=f"bold {_STYLES[record.outcome]}"))


def _reasons(record: GateRecord) -> Iterator[tuple[str, str]]:
    for at, check in enumerate(record.checks):
        if check.outcome != "passed" or check.at is not None:
            yield f"{at + 1} {check.outcome}", _reason(check)


def _reason(check: CheckRecord) -> str:
    parts = [f"{check.metric} {write_rule(check)}, {check.cell}: {write_reason(check)}"]
    parts += [check.told] if check.told else []
    parts += [f"(worst: {check.at})"] if check.at else []
    parts += [f"(against {check.against})"] if check.against else []
    return " ".join(parts)
