"""The tables of a study with several seeds: a row per cell, its seeds put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from rateval.records.run import RunRecord
from rateval.records.seeds import SeedsEvidenceRecord, SeedsRecord, SeedsScoreRecord, SpreadRecord
from rateval.report.rows import group_by_test
from rateval.report.terminal.layout import (
    QUADRANTS,
    UNDEFINED,
    make_table,
    make_title,
    show_change,
    show_number,
)

WIDE_OVER_SEEDS = 130
"""Columns from which on intervals and counts are shown."""
FEW_SEEDS = 3
"""Number of seeds below which an interval is so wide that the report says so."""

Rows = Sequence[tuple[SeedsRecord, SeedsEvidenceRecord]]


def tables_over_seeds(record: RunRecord, *, wide: bool) -> Iterator[tuple[Text, Table]]:
    """Yield title and table of each test."""
    cells = record.over_seeds
    for rows in group_by_test([(cell, evidence) for cell in cells for evidence in cell.evidence]):
        cell, evidence = rows[0]
        rest = (
            f"mean of {len(record.seeds)} seeds · {cell.count:,.0f} test images · "
            f"{cell.attribution} · {evidence.validator}"
        )
        yield make_title(cell.dataset, rest), _table(rows, wide=wide)


def explain_seeds(record: RunRecord) -> Iterator[str]:
    """Say which seeds are missing, and that few of them tell little."""
    asked = len(record.seeds)
    for cell in record.over_seeds:
        if 0 < len(cell.seeds) < asked:
            shift = f", {cell.shift}" if cell.shift else ""
            yield (
                f"{cell.model} · {cell.finetuner} on {cell.dataset}{shift} · {cell.attribution}: "
                f"mean of {len(cell.seeds)} of the {asked} seeds, the others were not reached"
            )
    if 1 < asked < FEW_SEEDS:
        yield (
            f"{asked} seeds: an interval over so few is very wide, and hardly tells methods apart; "
            f"take {FEW_SEEDS} or more"
        )


def _table(rows: Rows, *, wide: bool) -> Table:
    shifted = any(cell.shift for cell, _ in rows)
    table = make_table("model", "method", *(["shift"] if shifted else []), tight=not wide)
    for score in rows[0][1].scores:
        table.add_column(score.heading, justify="right", no_wrap=True)
        table.add_column("95 %" if wide else "± sd", justify="right", no_wrap=True, style="dim")
        table.add_column("Δ zs ", justify="right", no_wrap=True)
    for quadrant in QUADRANTS if wide else ():
        table.add_column(quadrant, justify="right", no_wrap=True, style="dim")
    for cell, evidence in rows:
        labels = [cell.model, cell.finetuner, *([cell.shift or UNDEFINED] if shifted else [])]
        scores = [part for score in evidence.scores for part in _cells_of(score, wide=wide)]
        counts = [f"{evidence.quadrants[name]:,.0f}" for name in QUADRANTS] if wide else []
        table.add_row(*labels, *scores, *counts)
    return table


def _cells_of(score: SeedsScoreRecord, *, wide: bool) -> list[Text]:
    value = score.value
    mean = show_number(None if value.mean is None else 100 * value.mean, ".1f")
    change = show_change(score.change.mean)
    if change:  # the blank keeps digits below digits
        change.append("*" if _excludes_0(score.change) else " ")
    return [mean, _interval(value) if wide else _deviation(value), change]


def _interval(value: SpreadRecord) -> Text:
    if value.low is None or value.high is None:
        return Text()
    return Text(f"{100 * value.low:.1f} to {100 * value.high:.1f}".replace("-", "−"))


def _deviation(value: SpreadRecord) -> Text:
    return Text() if value.sd is None else Text(f"±{100 * value.sd:.1f}")


def _excludes_0(change: SpreadRecord) -> bool:
    if change.low is None or change.high is None:
        return False
    return change.low > 0 or change.high < 0
