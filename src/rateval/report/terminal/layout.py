"""What the tables of a report have in common."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text

QUADRANTS = ("RR", "RW", "WR", "WW")
UNDEFINED = "–"
WIDE = 120
"""Columns from which on intervals are shown beside the values."""


def make_table(*labels: str, tight: bool = False) -> Table:
    """Start a table with a left-aligned column for each of ``labels``.

    ``tight`` puts one blank between columns in place of two.
    """
    padding = (0, 0 if tight else 1, 0, 0)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=padding, show_edge=False)
    for label in labels:
        table.add_column(label, overflow="fold")
    return table


def make_pairs(pairs: Iterable[tuple[str, str]], style: str) -> Table:
    """Set short words, in ``style``, beside what they mean."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style=style, no_wrap=True)
    table.add_column(overflow="fold")
    for left, right in pairs:
        table.add_row(left, right)
    return table


def make_title(name: str, rest: str) -> Text:
    """Set ``name`` in bold before the rest of a table's title."""
    return Text.assemble((name, "bold"), (f"  {rest}", "dim"))


def show_change(change: float | None) -> Text:
    """Write a change of a share in points, green upwards and red downwards; nothing for None."""
    if change is None:
        return Text()
    points = round(100 * change, 1)
    if points == 0:
        return Text("±0.0", style="dim")
    sign, colour = ("+", "green") if points > 0 else ("−", "red")
    return Text(f"{sign}{abs(points):.1f}", style=colour)


def show_number(value: float | None, pattern: str, style: str = "bold") -> Text:
    """Write a number, or the sign for an undefined one."""
    if value is None:
        return Text(UNDEFINED, style="yellow")
    return Text(format(value, pattern).replace("-", "−"), style=style)
