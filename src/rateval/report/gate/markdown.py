"""What a gate decided, as a comment on a pull request: Markdown as GitHub and GitLab read it."""

from __future__ import annotations

import re

from rateval.records.gate import CheckRecord, GateRecord, Outcome
from rateval.report.gate.words import (
    explain,
    sum_up,
    write_interval,
    write_needed,
    write_reason,
    write_rule,
    write_value,
)
from rateval.wording import show_controls

_MARKS: dict[Outcome, str] = {"passed": "✅", "failed": "❌", "undecided": "❔"}
_HEADINGS = ("", "requirement", "cell", "value", "interval", "why", "would decide")


def write_markdown(record: GateRecord) -> str:
    """Return a heading, a table of all checks and how they were decided.

    Names that may be anybody's stand in code, in which nothing is markup and nobody is called.
    """
    against = f", against {code(record.against)}" if record.against else ""
    lines = [
        f"### {_MARKS[record.outcome]} rateval gate: {sum_up(record)}",
        "",
        f"{code(record.study)}, run {code(record.run)}{against}",
        "",
        f"| {' | '.join(_HEADINGS)} |",
        "|---|---|---|--:|--:|---|--:|",
        *(f"| {' | '.join(_row(check))} |" for check in record.checks),
        "",
        explain(record),
    ]
    return "\n".join(lines) + "\n"


def _row(check: CheckRecord) -> list[str]:
    rule = code(f"{check.metric} {write_rule(check)}")
    why = [write_reason(check)]
    why += [code(check.told)] if check.told else []
    why += [f"(worst: {code(check.at)})"] if check.at else []
    why += [f"(against {code(check.against)})"] if check.against else []
    return [
        _MARKS[check.outcome],
        rule,
        code(check.cell),
        write_value(check),
        write_interval(check),
        " ".join(why),
        write_needed(check),
    ]


def code(text: str) -> str:
    r"""Return text as code within a line of a table, whatever is in it.

    >>> code("a|b"), code("a`b")
    ('`a\\|b`', '`` a`b ``')
    """
    plain = " ".join(show_controls(text).split()) or " "
    # A backslash before a bar would end up as one that escapes nothing.
    plain = plain.replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", plain)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {plain} {fence}" if longest else f"{fence}{plain}{fence}"
