"""Rows of a report, grouped and named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TypeVar

from rateval.records.cell import CellRecord, EvidenceRecord
from rateval.records.seeds import SeedsEvidenceRecord, SeedsRecord
from rateval.wording import list_some

Row = TypeVar("Row", bound=tuple[CellRecord | SeedsRecord, EvidenceRecord | SeedsEvidenceRecord])


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
