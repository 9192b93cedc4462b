"""Columns of a study's figures, and a table of them as Markdown has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from figures import Figures, Triple

ABSENT = "–"


@dataclass(frozen=True)
class Column:
    """What one column shows of each row's method."""

    heading: str
    metric: str
    validator: str
    attribution: str
    method: str | None = None
    """Another method than the row's own."""
    against: str | None = None
    """Shows the change against this method in place of the value."""
    interval: bool = True


def write_share(share: Triple, *, signed: bool = False, interval: bool = True) -> str:
    """Write a share in percent, with its interval; a plus where the other end has a minus.

    >>> write_share((-0.095, -0.146, -0.045), signed=True)
    '−9.5 (−14.6 to −4.5)'
    >>> write_share((0.095, -0.001, 0.146), signed=True)
    '+9.5 (−0.1 to +14.6)'
    >>> write_share((0.5, None, None)), write_share((None, None, None))
    ('50.0', '–')
    """
    value, low, high = share
    if value is None:
        return ABSENT
    text = format(100 * value + 0.0, "+.1f" if signed else ".1f")
    if interval and low is not None and high is not None:
        text += f" ({100 * low:.1f} to {100 * high:{'+.1f' if low < 0 < high else '.1f'}})"
    return text.replace("-", "−")


def cell(found: Figures, test: str, model: str, method: str, column: Column) -> str:
    """Write one cell; what the study does not have is told by a dash."""
    place = (test, model, column.method or method, column.attribution, column.validator)
    row = found.find(place)
    if column.against is None:
        share = row.values.get(column.metric, (None, None, None))
        return write_share(share, interval=column.interval)
    change = row.changes.get(column.against, {}).get(column.metric, (None, None, None))
    return write_share(change, signed=True, interval=column.interval)


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table as Markdown has it, with a newline at its end."""
    lines = [" | ".join(heading), *(" | ".join(row) for row in rows)]
    text = [f"| {line} |\n" for line in lines]
    return "".join([text[0], "|" + "---|" * len(heading) + "\n", *text[1:]])
