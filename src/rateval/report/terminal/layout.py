"""What the tables of a report have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TypeVar

from rich import box
from rich.table import Table
from rich.text import Text

from rateval.records.run import CellRecord, EvidenceRecord
from rateval.records.seeds import SeedsEvidenceRecord, SeedsRecord
from rateval.wording import list_some

Row = TypeVar("Row", bound=tuple[CellRecord | SeedsRecord, EvidenceRecord | SeedsEvidenceRecord])

QUADRANTS = ("RR", "RW", "WR", "WW")
UNDEFINED = "–"
WIDE = 120
"""Columns from which on intervals are shown beside the values."""


def group_by_test(rows: Sequence[Row]) -> list[list[Row]]:
    """Group rows by dataset, attribution and validator, in the order of the spec."""

    def names(row: Row) -> tuple[str, str, str]:
        cell, evidence = row
        return cell.dataset, cell.attribution, evidence.validator

    # Cells stand in the spec's order, so each name first appears at its place.
    places = [
        {name: at for at, name in enumerate(dict.fromkeys(column))}
        for column in zip(*map(names, rows), strict=True)
    ]

    def key(row: Row) -> list[int]:
        return [place[name] for place, name in zip(places, names(row), strict=True)]

    return [list(group) for _, group in groupby(sorted(rows, key=key), key)]


def merge_notes(notes: Iterable[tuple[str, int | None, str]], several: bool) -> list[str]:
    """Write (name, seed, text) as one sentence for all seeds that it is true of.

    >>> merge_notes([("clip · ft", 0, "it fails"), ("clip · ft", 2, "it fails")], True)
    ['clip · ft, seeds 0, 2: it fails']
    """
    merged: dict[tuple[str, str], list[str]] = {}
    for name, seed, text in notes:
        seeds = merged.setdefault((name, text), [])
        if several and seed is not None and str(seed) not in seeds:
            seeds.append(str(seed))
    return [f"{name}{name_seeds(seeds)}: {text}" for (name, text), seeds in merged.items()]


def name_seeds(seeds: Sequence[str]) -> str:
    """Write seeds to follow a name; nothing for none.

    >>> name_seeds(["0"]), name_seeds([])
    (', seed 0', '')
    """
    return f", seed{'s' if len(seeds) > 1 else ''} {list_some(seeds)}" if seeds else ""


def name_row(row: CellRecord) -> str:
    """Name what was classified, and how it was shifted."""
    return f"{row.model} · {row.finetuner}" + (f", {row.shift}" if row.shift else "")


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
