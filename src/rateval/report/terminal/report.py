"""The report on a terminal, from 80 columns up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rateval.records.cell import CellRecord, EvidenceRecord, ScoreRecord
from rateval.records.run import RunRecord
from rateval.report.notes import (
    explain_columns,
    explain_explainer_columns,
    explain_protocol,
    explain_undefined,
    suggest_next,
)
from rateval.report.rows import group_by_test
from rateval.report.terminal.explainers import explainer_sections
from rateval.report.terminal.layout import (
    QUADRANTS,
    UNDEFINED,
    WIDE,
    make_pairs,
    make_table,
    make_title,
    show_change,
)
from rateval.report.terminal.seeds import WIDE_OVER_SEEDS, explain_seeds, tables_over_seeds
from rateval.report.terminal.trainings import curve_sections
from rateval.wording import list_some


def render(record: RunRecord, width: int) -> RenderableType:
    """Lay out a run for a terminal of ``width`` columns."""
    several = len(record.seeds) > 1
    wide = width >= (WIDE_OVER_SEEDS if several else WIDE)
    parts: list[RenderableType] = [_head(record)]
    parts += (Text(note, style="yellow") for note in explain_protocol(record))
    tests = group_by_test([(cell, evidence) for cell in record.cells for evidence in cell.evidence])
    tables = tables_over_seeds(record, wide=wide) if several else _tables(tests, wide=wide)
    for rows, (title, table) in zip(tests, tables, strict=True):
        notes = explain_undefined(rows, several=several)
        parts += [Text(), title, table, *(Text(f"  {note}", style="yellow") for note in notes)]
    parts += (Text(note, style="yellow") for note in explain_seeds(record))
    parts += curve_sections(record)
    parts += explainer_sections(record)
    columns = explain_columns(record, wide=wide)
    parts += [Text(), make_pairs((*columns, *explain_explainer_columns(record)), "dim")]
    return Group(*parts, Text(), make_pairs(suggest_next(record), "bold"))


def _head(record: RunRecord) -> Text:
    colour = "green" if record.status == "finished" else "red"
    head = Text.assemble((record.study, "bold"), "  ", (record.status, colour))
    plural = "s" if len(record.seeds) > 1 else ""
    head.append(
        f" in {record.seconds:,.0f} s on {record.environment.device}, "
        f"seed{plural} {list_some(map(str, record.seeds))}",
        style="dim",
    )
    if record.limit is not None:
        head.append(f"\nlimited to {record.limit} samples of every split", style="yellow")
    precision = record.spec_resolved.get("run", {}).get("precision", "float32")
    if precision != "float32":
        head.append(f"\npredicted and explained in {precision}", style="yellow")
    if record.error:
        head.append(f"\n{record.error}", style="red")
    return head


Rows = Sequence[tuple[CellRecord, EvidenceRecord]]


def _tables(tests: Sequence[Rows], *, wide: bool) -> Iterator[tuple[Text, Table]]:
    for rows in tests:
        cell, evidence = rows[0]
        rest = f"{cell.count:,} test images · {cell.attribution} · {evidence.validator}"
        yield make_title(cell.dataset, rest), _table(rows, wide=wide)


def _table(rows: Rows, *, wide: bool) -> Table:
    shifted = any(cell.shift for cell, _ in rows)
    table = make_table("model", "method", *(["shift"] if shifted else []), tight=not wide)
    for score in rows[0][1].scores:
        table.add_column(f"{score.heading} %", justify="right", no_wrap=True)
        if wide:
            table.add_column("95 %", justify="right", no_wrap=True, style="dim")
        table.add_column("Δ zs", justify="right", no_wrap=True)
    for quadrant in QUADRANTS:
        table.add_column(quadrant, justify="right", no_wrap=True, style="dim")
    for cell, evidence in rows:
        labels = [cell.model, cell.finetuner, *([cell.shift or UNDEFINED] if shifted else [])]
        scores = [part for score in evidence.scores for part in _cells_of(score, wide=wide)]
        counts = [f"{evidence.quadrants[quadrant]:,}" for quadrant in QUADRANTS]
        table.add_row(*labels, *scores, *counts)
    return table


def _cells_of(score: ScoreRecord, *, wide: bool) -> list[Text]:
    if score.value is None or score.low is None or score.high is None:
        value, interval = Text(UNDEFINED, style="yellow"), Text()
    else:
        value = Text(f"{100 * score.value:.1f}", style="bold")
        interval = Text(f"{100 * score.low:.1f} to {100 * score.high:.1f}")
    return [value, *([interval] if wide else []), show_change(score.change)]
