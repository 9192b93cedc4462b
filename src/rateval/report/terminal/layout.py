"""What the tables of a report have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table as Grid

from rateval.console import Text
from rateval.records.key import Key
from rateval.records.scores.classes import PartRecord
from rateval.records.scores.estimate import Estimate
from rateval.report.failures import AGAIN
from rateval.report.lacks import FAILED
from rateval.report.terminal.table import Table

QUADRANTS = ("RR", "RW", "WR", "WW")
UNDEFINED = "–"


def make_table(*labels: str, tight: bool = False) -> Table:
    """Return a table with a left-aligned column for each of ``labels``.

    ``tight`` puts one blank between columns in place of two.
    """
    table = Table(gap=1 if tight else 2)
    for label in labels:
        table.add_column(Text(label), folds=True)
    return table


def add_row(table: Table | Grid, *cells: str | Text) -> None:
    """Add a row to a table, in which brackets are brackets and never rich's markup."""
    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))


def add_number(table: Table, heading: str, style: str = "") -> None:
    """Add a right-aligned column that is never folded."""
    table.add_column(Text(heading), "right", style=style)


def make_pairs(pairs: Iterable[tuple[str, str]], style: str) -> Grid:
    """Return short words, in ``style``, beside what they mean."""
    table = Grid.grid(padding=(0, 2, 0, 0))
    table.add_column(style=style, no_wrap=True)
    table.add_column(overflow="fold")
    for left, right in pairs:
        add_row(table, left, right)
    return table


def make_title(name: str, rest: str) -> Text:
    """Return ``name`` in bold before the rest of a table's title."""
    return Text.assemble((name, "bold"), (f"  {rest}", "dim"))


def show_change(change: float | None, style: str | None = None) -> Text:
    """Return a change of a share in points; nothing for None.

    It is green upwards and red downwards where no style is given.
    """
    if change is None:
        return Text()
    points = round(100 * change, 1)
    if points == 0:
        return Text("±0.0", style="dim" if style is None else style)
    sign, colour = ("+", "green") if points > 0 else ("−", "red")
    return Text(f"{sign}{abs(points):.1f}", style=colour if style is None else style)


def show_mark(change: Estimate) -> str:
    """Return an arrow where the interval of a change leaves out 0, else a blank."""
    return ("↑" if change.above_0 else "↓") if change.excludes_0 else " "


def show_number(value: float | None, pattern: str, style: str = "bold") -> Text:
    """Return a number as text, or the sign for an undefined one."""
    if value is None:
        return Text(UNDEFINED, style="yellow")
    return Text(format(value, pattern).replace("-", "−"), style=style)


def in_percent(share: float | None) -> float | None:
    """Return a share in percent; None of an undefined one."""
    return None if share is None else 100 * share


def show_interval(value: Estimate | PartRecord) -> Text:
    """Return the interval of a share in percent; nothing where there is none."""
    if value.low is None or value.high is None:
        return Text()
    return Text(f"{100 * value.low:.1f} to {100 * value.high:.1f}".replace("-", "−"))


def show_lack(why: str) -> Text:
    """Return what stands in the place of a number: ``failed``, or that it is not done."""
    return Text(why, style="red" if why == FAILED else "yellow")


def show_labels(key: Key, *, shifted: bool) -> list[str]:
    """Return the labels that a row begins with, the shift among them where any row has one."""
    return [
        key.model,
        key.finetuner,
        *([key.shift.text if key.shift else UNDEFINED] if shifted else []),
    ]


def show_notes(notes: Iterable[str], style: str = "yellow") -> Iterator[RenderableType]:
    """Yield notes as they stand below a table, a little indented, each line of them."""
    for line in (line for note in notes for line in note.split("\n")):
        if line.startswith(AGAIN):  # a command must come out in one piece, to be pasted
            yield Text(f"  {line}", style, no_wrap=True, overflow="ignore")
        else:
            yield Padding(Text(line, style), (0, 0, 0, 2), expand=False)
