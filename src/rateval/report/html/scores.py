"""Scores of a page with their sentences, and what to be careful with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rateval.records.key import Labels
from rateval.records.run import RunRecord
from rateval.report.failures import explain_failures, explain_others
from rateval.report.html.markup import Html, join, tag
from rateval.report.html.tables import ROWS_SHOWN, anchor, score_table
from rateval.report.lacks import NOT_FOR_SCORES, Failed
from rateval.report.rows import Block
from rateval.report.sentences.assumed import explain_assumed
from rateval.report.sentences.causes import explain_looks
from rateval.report.sentences.changes import (
    explain_association,
    explain_block,
    find_against_zero_shot,
)
from rateval.report.sentences.completeness import explain_completeness
from rateval.report.sentences.limits import explain_limit
from rateval.report.sentences.notes import explain_changes, explain_protocol, explain_seeds
from rateval.report.sentences.shifts import shorten
from rateval.report.sentences.skipped import explain_skipped
from rateval.report.sentences.undefined import explain_data, explain_undefined

NOTES_SHOWN = 60
"""Notes of care that a page has; the terminal's report has all of them."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something to be careful with, and the place of the numbers that it is about."""

    text: str
    anchor: str
    where: str
    """What stands there, for people."""
    grave: bool = False
    """Whether something failed."""


def care(notes: Sequence[Note]) -> Html:
    """Return what has to be read with care, failures first, each beside a link to its numbers."""
    if not notes:
        return tag("p", "Nothing calls for more care than the intervals do.")
    ordered = sorted(notes, key=lambda note: not note.grave)
    items = [
        tag(
            "li",
            tag("span", note.text, class_="note"),
            " ",
            tag("a", note.where, href=f"#{note.anchor}"),
            class_="grave" if note.grave else None,
        )
        for note in ordered[:NOTES_SHOWN]
    ]
    left = len(ordered) - NOTES_SHOWN
    more = tag("li", f"and {left} more: rateval report prints them") if left > 0 else None
    return tag("ul", *items, more, class_="care")


def find_notes(record: RunRecord, blocks: Sequence[Block]) -> Iterator[Note]:
    """Yield what has to be read with care, and where its numbers stand."""
    for text in explain_others(record, blocks):
        yield Note(text, "repeat", "failed steps", grave=True)
    whole: Iterable[tuple[Iterator[str], str, str]] = (
        (explain_limit(record), "repeat", "what was run"),
        (explain_protocol(record), "repeat", "what was run"),
        (explain_seeds(record), anchor(0), "scores"),
        (explain_skipped(record), "repeat", "skipped samples"),
        (explain_data(record), anchor(0), "scores"),
        (explain_assumed(record), "repeat", "what was run"),
        (explain_completeness(record), "explainers", "explainers"),
        (_sum_up_changes(record), "explainers", "explainers"),
    )
    failed, several = Failed(record, NOT_FOR_SCORES), len(record.seeds) > 1
    for at, block in enumerate(blocks):
        for text in explain_failures(record, failed, block.lacking):
            yield Note(text, anchor(at), f"table: {block.dataset}", grave=True)
        for text in explain_looks(record, block):
            yield Note(text, anchor(at), f"table: {block.dataset}, {block.judged_by}")
    for texts, place, where in whole:
        for text in _join_lines(texts):
            yield Note(text, place, where)
    for at, block in enumerate(blocks):
        for text in _join_lines(explain_undefined(block, several=several)):
            yield Note(text, anchor(at), f"table: {block.dataset}, {block.judged_by}")


def _sum_up_changes(record: RunRecord) -> Iterator[str]:
    """Yield one note on rankings that hang on the explainer, with the first of them."""
    changes = list(explain_changes(record))
    if changes:
        more = f"; {len(record.ranking_changes)} such pairs in all" if changes[1:] else ""
        yield changes[0] + more


def _join_lines(texts: Iterable[str]) -> Iterator[str]:
    """Yield notes with the indented lines that belong to each."""
    whole = ""
    for text in texts:
        if text.startswith("  · ") and whole:
            whole += f"\n{text.strip()}"
            continue
        if whole:
            yield whole
        whole = text
    if whole:
        yield whole


def score_sections(
    record: RunRecord, blocks: Sequence[Block], metrics: Mapping[str, str]
) -> Iterator[Html]:
    """Yield a table for each block with its sentences below it, as far as there is room."""
    findings = find_against_zero_shot(record)
    said: set[tuple[Labels, str]] = set()
    short = [shorten(record, block) for block in blocks]
    room = ROWS_SHOWN
    spare = room - sum(len(block.rows) for block in short)
    for at, (block, whole) in enumerate(zip(short, blocks, strict=True)):
        rows, room = block.rows[: max(room, 0)], room - len(block.rows)
        more = [r for r in whole.rows if r.key.shift is not None] if block is not whole else []
        shifted, spare = more[: max(spare, 0)], spare - len(more)
        left = len(whole.rows) - len(rows) - len(shifted)
        words = (*explain_block(block, findings, said), *explain_association(block)) if rows else ()
        yield tag(
            "section",
            tag("h3", block.dataset, " ", tag("span", block.judged_by, class_="by")),
            score_table(record, block, metrics, rows) if rows else None,
            _fold(len(more), score_table(record, whole, metrics, shifted)) if shifted else None,
            tag("p", f"{left} more rows stand in run.json", class_="left-out") if left else None,
            _in_words(words),
            id=anchor(at),
            class_="block",
        )


def _fold(count: int, table: Html) -> Html:
    """Return the table of shifted rows, which a click unfolds."""
    return tag("details", tag("summary", f"{count} rows of shifted tests"), table)


def _in_words(sentences: Sequence[str]) -> Html | None:
    if not sentences:
        return None
    items = join(tag("li", text) for text in sentences)
    return tag("details", tag("summary", "In words"), tag("ul", items, class_="words"))
