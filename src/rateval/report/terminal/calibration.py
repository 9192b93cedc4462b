"""How far the confidence of each method can be trusted, as a table beside its accuracy."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from rateval.console import Text
from rateval.records.run import RunRecord
from rateval.records.scores.cell import ResultRecord
from rateval.records.scores.estimate import Estimate
from rateval.records.scores.grouping import group_by
from rateval.report.rows import Block
from rateval.report.terminal.layout import (
    QUADRANTS,
    add_number,
    add_row,
    make_table,
    make_title,
    show_interval,
    show_labels,
    show_number,
)
from rateval.report.terminal.table import Table

_ROOMY = 140
"""Columns of a terminal from which on the means of quadrants have their intervals."""


def calibration_sections(
    record: RunRecord, short: frozenset[str] = frozenset()
) -> Iterator[RenderableType]:
    """Yield a table for each dataset; predictions are the same by each attribution.

    Those of the datasets in ``short`` have clean rows alone.
    """
    results = [
        result
        for result in record.results
        if result.calibration is not None
        and (result.key.shift is None or result.key.dataset not in short)
    ]
    for found in group_by(results, lambda result: result.key.dataset):
        rows = [same[0] for same in group_by(found, lambda one: one.key.without("attribution"))]
        yield Text()
        yield make_title(found[0].key.dataset, "confidence of the predictions")
        yield _table(rows, f"{100 * record.level:g} %")


def confidence_section(block: Block, level: str, width: int) -> Iterator[RenderableType]:
    """Yield the table of one validator: confidence by quadrant, and whether it tells evidence."""
    rows = [
        (row.key, row.evidence.confidence)
        for row in block.rows
        if row.evidence is not None and row.evidence.confidence is not None
    ]
    if not rows:
        return
    wide = width >= _ROOMY
    table = make_table("model", "method", *(["shift"] if block.shifted else []))
    for name in QUADRANTS:
        add_number(table, f"{name} %")
        if wide:
            add_number(table, level, "dim")
    add_number(table, "valid above other %")
    add_number(table, level, "dim")
    for key, found in rows:
        means = [_show(found.quadrants[name])[: 1 + wide] for name in QUADRANTS]
        shown = [cell for cells in (*means, _show(found.ability)) for cell in cells]
        add_row(table, *show_labels(key, shifted=block.shifted), *shown)
    about = f"mean confidence by evidence · {block.validator}"
    yield from (Text(), make_title(block.dataset, about), table)


def _table(results: list[ResultRecord], level: str) -> Table:
    shifted = any(result.key.shift for result in results)
    table = make_table("model", "method", *(["shift"] if shifted else []))
    for heading in ("off by", "right above wrong"):
        add_number(table, f"{heading} %")
        add_number(table, level, "dim")
    for result in results:
        found = result.calibration
        numbers = [] if found is None else [*_show(found.error), *_show(found.ability)]
        add_row(table, *show_labels(result.key, shifted=shifted), *numbers)
    return table


def _show(found: Estimate) -> tuple[Text, Text]:
    value = None if found.value is None else 100 * found.value
    return show_number(value, ".1f"), show_interval(found)
