"""The report on a terminal, from 80 columns up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rateval.report.notes import explain_columns, explain_undefined, suggest_next
from rateval.run_record import CellRecord, EvidenceRecord, RunRecord, ScoreRecord

UNDEFINED = "–"
WIDE = 120
"""Columns from which on intervals are shown beside the values."""
_QUADRANTS = ("RR", "RW", "WR", "WW")


def render(record: RunRecord, width: int) -> RenderableType:
    """Lay out a run for a terminal of ``width`` columns."""
    parts: list[RenderableType] = [_head(record)]
    for title, rows in _tables(record):
        parts += [Text(), title, _table(rows, wide=width >= WIDE)]
        parts += [Text(f"  {note}", style="yellow") for note in explain_undefined(rows)]
    parts.append(Text())
    parts.append(_pairs(explain_columns(record, wide=width >= WIDE), "dim"))
    return Group(*parts, Text(), _pairs(suggest_next(record), "bold"))


def _pairs(pairs: Iterable[tuple[str, str]], style: str) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style=style, no_wrap=True)
    table.add_column(overflow="fold")
    for left, right in pairs:
        table.add_row(left, right)
    return table


def _head(record: RunRecord) -> Text:
    colour = "green" if record.status == "finished" else "red"
    head = Text.assemble((record.study, "bold"), "  ", (record.status, colour))
    head.append(
        f" in {record.seconds:,.0f} s on {record.environment.device}, seed {record.seed}",
        style="dim",
    )
    if record.limit is not None:
        head.append(f"\nlimited to {record.limit} samples of every split", style="yellow")
    if record.error:
        head.append(f"\n{record.error}", style="red")
    return head


Rows = Sequence[tuple[CellRecord, EvidenceRecord]]


def _tables(record: RunRecord) -> Iterator[tuple[Text, Rows]]:
    rows = [(cell, evidence) for cell in record.cells for evidence in cell.evidence]
    order = {dataset.name: at for at, dataset in enumerate(record.datasets)}

    def key(row: tuple[CellRecord, EvidenceRecord]) -> tuple[int, str, str]:
        cell, evidence = row
        return order[cell.dataset], cell.attribution, evidence.validator

    for _, group in groupby(sorted(rows, key=key), key):
        members = list(group)
        cell, evidence = members[0]
        title = Text(cell.dataset, style="bold")
        title.append(
            f"  {cell.count:,} test images · {cell.attribution} · {evidence.validator}",
            style="dim",
        )
        yield title, members


def _table(rows: Rows, *, wide: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    shifted = any(cell.shift for cell, _ in rows)
    for heading in ("model", "method", *(["shift"] if shifted else [])):
        table.add_column(heading, overflow="fold")
    for score in rows[0][1].scores:
        table.add_column(f"{score.heading} %", justify="right", no_wrap=True)
        if wide:
            table.add_column("95 %", justify="right", no_wrap=True, style="dim")
        table.add_column("Δ zs", justify="right", no_wrap=True)
    for quadrant in _QUADRANTS:
        table.add_column(quadrant, justify="right", no_wrap=True, style="dim")
    for cell, evidence in rows:
        labels = [cell.model, cell.finetuner, *([cell.shift or UNDEFINED] if shifted else [])]
        scores = [part for score in evidence.scores for part in _cells_of(score, wide=wide)]
        counts = [f"{evidence.quadrants[quadrant]:,}" for quadrant in _QUADRANTS]
        table.add_row(*labels, *scores, *counts)
    return table


def _cells_of(score: ScoreRecord, *, wide: bool) -> list[Text]:
    if score.value is None or score.low is None or score.high is None:
        value, interval = Text(UNDEFINED, style="yellow"), Text()
    else:
        value = Text(f"{100 * score.value:.1f}", style="bold")
        interval = Text(f"{100 * score.low:.1f} to {100 * score.high:.1f}")
    return [value, *([interval] if wide else []), _change(score.change)]


def _change(change: float | None) -> Text:
    if change is None:
        return Text()
    points = round(100 * change, 1)
    if points == 0:
        return Text("±0.0", style="dim")
    sign, colour = ("+", "green") if points > 0 else ("−", "red")
    return Text(f"{sign}{abs(points):.1f}", style=colour)
