"""What captions mention that isn't there, and how like people's they are, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from rateval.console import Text
from rateval.records.run import RunRecord
from rateval.records.scores.answers import CaptionsRecord
from rateval.records.scores.cell import ResultRecord
from rateval.records.scores.grouping import group_by
from rateval.report.terminal.layout import (
    add_number,
    add_row,
    make_table,
    make_title,
    show_interval,
    show_labels,
    show_number,
)
from rateval.report.terminal.table import Table

_WIDE = 120
"""Columns of a terminal from which on shares have their intervals."""


def caption_sections(record: RunRecord, width: int) -> Iterator[RenderableType]:
    """Yield a table for each dataset with captions; they are the same by each attribution."""
    results = [result for result in record.results if result.captions is not None]
    for found in group_by(results, lambda result: result.key.dataset):
        # An attribution that draws gives its cells a seed, and no other captions.
        method = group_by(found, lambda one: one.key.without("attribution", "seed"))
        yield Text()
        yield make_title(found[0].key.dataset, "captions, and what they mention")
        level = f"{100 * record.level:g} %"
        yield _table([same[0] for same in method], level, wide=width >= _WIDE)


def explain_caption_columns(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield what the headings of these tables mean."""
    found = [result.captions for result in record.results if result.captions is not None]
    if not found:
        return
    yield (
        "silent",
        "captions that mention none of the dataset's classes: they are in no other table",
    )
    yield (
        "CHAIR",
        "i: mentions whose object isn't there, among all; s: captions with such a mention. 100 % "
        "minus accuracy is CHAIR i with each class once a caption",
    )
    yield "wrong", "phrases without their object have no evidence: IR is 100 % where it is defined"
    why = next((one.no_cider for one in found if one.no_cider), None)
    yield "CIDEr", why or "CIDEr-D beside what people wrote, words in lower case without signs"


def _table(results: Sequence[ResultRecord], level: str, *, wide: bool) -> Table:
    shifted = any(result.key.shift for result in results)
    table = make_table("model", "method", *(["shift"] if shifted else []))
    for heading in ("captions", "silent", "CHAIR i %", "CHAIR s %", "CIDEr"):
        add_number(table, heading)
        if wide and "%" in heading:
            add_number(table, level, "dim")
    for result in results:
        assert result.captions is not None  # else it was left out
        cells = _show(result.captions, wide=wide)
        add_row(table, *show_labels(result.key, shifted=shifted), *cells)
    return table


def _show(found: CaptionsRecord, *, wide: bool) -> list[str | Text]:
    shown: list[str | Text] = [f"{found.samples:,.10g}", f"{found.silent:,.10g}"]
    for share in (found.chair_i, found.chair_s):
        shown.append(show_number(None if share.value is None else 100 * share.value, ".1f"))
        if wide:
            shown.append(show_interval(share))
    return [*shown, show_number(found.cider, ".3f")]
