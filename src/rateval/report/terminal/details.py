"""What ``rateval report --details`` adds to each table: worst classes, area, confidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from rateval.console import Text
from rateval.records.key import Key
from rateval.records.scores.classes import AreaRecord
from rateval.report.rows import Block, Row
from rateval.report.sentences.classes import choose_metrics, explain_more_classes
from rateval.report.terminal.calibration import confidence_section
from rateval.report.terminal.layout import (
    add_number,
    add_row,
    make_table,
    make_title,
    show_interval,
    show_labels,
    show_notes,
    show_number,
)

_ROOMY = 120
"""Columns of a terminal from which on more classes are named, and intervals by area are shown."""

_NAMED = 2, 3
"""Classes that are named for each metric, below that and from there on."""

_THIRDS = ("small", "middle", "large")


class Details:
    """What is added to the tables of one report."""

    def __init__(self, level: float, width: int) -> None:
        self._width = width
        self._level = f"{100 * level:g} %"
        self._said: set[tuple[Key, str]] = set()

    def sections(self, block: Block) -> Iterator[RenderableType]:
        """Yield what is told of one table beyond its numbers."""
        most = _NAMED[self._width >= _ROOMY]
        notes = explain_more_classes(block, most, self._said)
        yield from show_notes(notes, "none")
        for metric in choose_metrics(block.metrics)[:1]:
            yield from self._by_area(block, metric)
        yield from confidence_section(block, self._level, self._width)

    def _by_area(self, block: Block, metric: str) -> Iterator[RenderableType]:
        rows = [(row, areas) for row in block.rows if (areas := _areas(row, metric))]
        if not rows:
            return
        wide = self._width >= _ROOMY
        about = f"{block.metrics[metric]} by thirds of mask area · {block.validator}"
        table = make_table("model", "method", *(["shift"] if block.shifted else []))
        for third in _THIRDS:
            add_number(table, f"{third} %")
            if wide:
                add_number(table, self._level, "dim")
            add_number(table, "mask", "dim")
        for row, areas in rows:
            cells = [cell for area in areas for cell in _show(area, wide=wide)]
            add_row(table, *show_labels(row.key, shifted=block.shifted), *cells)
        yield from (Text(), make_title(block.dataset, about), table)


def _areas(row: Row, metric: str) -> Sequence[AreaRecord]:
    score = row.score(metric)
    areas = () if score is None else score.areas
    return areas if len(areas) == len(_THIRDS) else ()


def _show(area: AreaRecord, *, wide: bool) -> list[Text]:
    interval = [show_interval(area)] if wide else []
    mask = f"{100 * area.least:.0f}–{100 * area.greatest:.0f}"
    return [show_number(100 * area.value, ".1f"), *interval, Text(mask)]
