"""The report on a terminal, from 80 columns up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rateval.report.explainers import explain_explainer_columns, explainer_sections
from rateval.report.layout import UNDEFINED, WIDE, make_pairs, make_table, make_title
from rateval.report.notes import explain_columns, explain_undefined, suggest_next
from rateval.run_record import CellRecord, EvidenceRecord, RunRecord, ScoreRecord

_QUADRANTS = ("RR", "RW", "WR", "WW")


def render(record: RunRecord, width: int) -> RenderableType:
    """Lay out a run for a terminal of ``width`` columns."""
    parts: list[RenderableType] = [_head(record)]
    for title, rows in _tables(record):
        parts += [Text(), title, _table(rows, wide=width >= WIDE)]
        parts += [Text(f"  {note}", style="yellow") for note in explain_undefined(rows)]
    parts += explainer_sections(record)
    columns = explain_columns(record, wide=width >= WIDE)
    parts += [Text(), make_pairs((*columns, *explain_explainer_columns(record)), "dim")]
    return Group(*parts, Text(), make_pairs(suggest_next(record), "bold"))


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
        rest = f"{cell.count:,} test images · {cell.attribution} · {evidence.validator}"
        yield make_title(cell.dataset, rest), members


def _table(rows: Rows, *, wide: bool) -> Table:
    shifted = any(cell.shift for cell, _ in rows)
    table = make_table("model", "method", *(["shift"] if shifted else []))
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
