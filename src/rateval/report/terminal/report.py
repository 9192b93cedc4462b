"""The report on a terminal, from 80 columns up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType

from rateval.console import Text
from rateval.records.key import Labels
from rateval.records.run import RunRecord
from rateval.report.failures import explain_failures, explain_others
from rateval.report.lacks import NOT_FOR_SCORES, Failed
from rateval.report.rows import Block, lay_out
from rateval.report.sentences.assumed import explain_assumed
from rateval.report.sentences.causes import explain_boxes, explain_causal_columns, explain_looks
from rateval.report.sentences.changes import (
    explain_association,
    explain_block,
    find_against_zero_shot,
)
from rateval.report.sentences.classes import explain_details, explain_worst
from rateval.report.sentences.completeness import explain_completeness
from rateval.report.sentences.limits import explain_limit
from rateval.report.sentences.notes import (
    explain_columns,
    explain_explainer_columns,
    explain_parent,
    explain_protocol,
    explain_seeds,
    suggest_next,
)
from rateval.report.sentences.shifts import explain_shift_columns, shorten
from rateval.report.sentences.skipped import explain_skipped
from rateval.report.sentences.targets import explain_targets
from rateval.report.sentences.thresholds import (
    explain_chance,
    explain_chance_columns,
    explain_crossings,
    find_clear,
)
from rateval.report.sentences.undefined import explain_data, explain_undefined
from rateval.report.terminal.answers import (
    explain_answer_columns,
    soft_sections,
    without_image_sections,
)
from rateval.report.terminal.calibration import calibration_sections
from rateval.report.terminal.captions import caption_sections, explain_caption_columns
from rateval.report.terminal.details import Details
from rateval.report.terminal.explainers import explainer_sections
from rateval.report.terminal.groups import GroupTables, find_cluster
from rateval.report.terminal.layout import make_pairs, show_notes
from rateval.report.terminal.scores import ScoreTables
from rateval.report.terminal.shifts import ShiftTables
from rateval.report.terminal.trainings import curve_sections
from rateval.wording import list_some


def render(record: RunRecord, width: int, *, details: bool = False) -> RenderableType:
    """Lay out a run for a terminal of ``width`` columns, with ``details`` at more length."""
    several = len(record.seeds) > 1
    every = list(lay_out(record))
    blocks = every if details else [shorten(record, block) for block in every]
    short = frozenset(e.dataset for e, b in zip(every, blocks, strict=True) if e is not b)
    shifts = ShiftTables(record, width, details=details)
    tables = ScoreTables(record, blocks, width)
    more = Details(record.level, width)
    parts: list[RenderableType] = [_head(record), *_warnings(record, blocks)]
    failed, findings = Failed(record, NOT_FOR_SCORES), find_against_zero_shot(record)
    said: set[tuple[Labels, str]] = set()
    clear = find_clear(record)
    for block in blocks:
        parts += [Text(), tables.title(block), tables.table(block)]
        parts += show_notes(explain_looks(record, block))
        parts += show_notes(explain_failures(record, failed, block.lacking), "red")
        parts += show_notes(explain_undefined(block, several=several))
        parts += show_notes(explain_block(block, findings, said), "none")
        parts += show_notes(explain_association(block), "none")
        parts += more.sections(block) if details else show_notes(explain_worst(block), "none")
        chance = (*explain_chance(block), *explain_crossings(block, clear))
        parts += show_notes(chance, "none")
        wide = "change" in tables.shown.parts
        groups = GroupTables(wide, block.metrics, find_cluster(record), width)
        parts += groups.sections(block)
        parts += soft_sections(block, f"{100 * record.level:g} %", width)
        parts += shifts.sections(block)
    parts += without_image_sections(record, width)
    parts += caption_sections(record, width)
    parts += calibration_sections(record, short)
    parts += curve_sections(record)
    parts += explainer_sections(record, short)
    columns = (
        *explain_targets(record),
        *explain_columns(record, tables.shown),
        *explain_causal_columns(record),
        *explain_details(blocks, details=details),
        *explain_chance_columns(record),
        *explain_shift_columns(record),
        *explain_answer_columns(record),
        *explain_caption_columns(record),
    )
    parts += [Text(), make_pairs((*columns, *explain_explainer_columns(record)), "dim")]
    return Group(*parts, Text(), make_pairs(suggest_next(record), "bold"))


def _warnings(record: RunRecord, blocks: Sequence[Block]) -> Iterator[Text]:
    """Yield what has to be known before any number is read."""
    for note in explain_others(record, blocks):
        yield Text(note, style="red")
    for notes in (
        explain_protocol(record),
        explain_seeds(record),
        explain_skipped(record),
        explain_data(record),
        explain_assumed(record),
        explain_completeness(record),
        explain_boxes(record),
    ):
        for note in notes:
            yield Text(note, style="yellow")


def _head(record: RunRecord) -> Text:
    well = record.status == "finished" and not record.failures
    colour = "green" if well else "red"
    head = Text.assemble((record.study, "bold"), "  ", (_status(record), colour))
    plural = "s" if len(record.seeds) > 1 else ""
    head.append(
        f" in {record.seconds:,.0f} s on {record.environment.device}, "
        f"seed{plural} {list_some(map(str, record.seeds)) or 'not known'}",
        style="dim",
    )
    for note in (*explain_parent(record), *explain_limit(record)):
        head.append(f"\n{note}", style="yellow")
    precision = record.spec_resolved.get("run", {}).get("precision", "float32")
    if precision != "float32":
        head.append(f"\npredicted and explained in {precision}", style="yellow")
    if record.only:
        asked = ", ".join(record.only)
        head.append(
            f"\nonly {asked} to be computed; of the other cells is shown what is stored",
            style="yellow",
        )
    if record.error:
        head.append(f"\n{record.error}", style="red")
    return head


def _status(record: RunRecord) -> str:
    count = len(record.failures)
    failures = f"{count} failure{'s' if count > 1 else ''}"
    if record.status == "running":
        written = f": last written {record.written}" if record.written else ""
        status = f"running, or it died{written}"
    else:
        status = record.status
    if not count:
        return status
    return f"failed: {failures}" if status in ("finished", "failed") else f"{status}, {failures}"
