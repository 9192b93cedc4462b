"""The first screen of a page: what is measured, what was found, what to be careful with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.estimate import Estimate
from rateval.report.assumed import explain_assumed
from rateval.report.causes import explain_looks, find_looks
from rateval.report.changes import explain_block, find_against_zero_shot
from rateval.report.completeness import explain_completeness
from rateval.report.failures import explain_failures, explain_others
from rateval.report.html.figures import name_rows
from rateval.report.html.markup import Html, join, tag
from rateval.report.html.tables import ROWS_SHOWN, score_table
from rateval.report.lacks import NOT_FOR_SCORES, Failed
from rateval.report.limits import explain_limit
from rateval.report.notes import explain_changes, explain_protocol, explain_seeds
from rateval.report.rows import Block, Row
from rateval.report.skipped import explain_skipped
from rateval.report.undefined import explain_data, explain_undefined
from rateval.wording import list_some

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


def explain_measures() -> Html:
    """Return what PT and IR mean, for people who never heard of them."""
    return tag(
        "div",
        tag(
            "p",
            tag("strong", "PT"),
            " (prediction trustworthiness): when the model is right, how often does it look at the "
            "thing itself, and not at something beside it that happened to give the answer away?",
        ),
        tag(
            "p",
            tag("strong", "IR"),
            " (inference reliability): when the model does look at the thing itself, how often is "
            "it right?",
        ),
        class_="measures",
    )


def verdicts(record: RunRecord, blocks: Sequence[Block], metrics: Mapping[str, str]) -> Html:
    """Return in plain words what each test shows, its rows that go the same way together."""
    items = [
        tag(
            "li",
            tag("a", block.dataset, href=f"#{anchor(at)}", class_="where"),
            tag("span", f"{block.attribution} · {block.validator}", class_="by"),
            tag("ul", *(tag("li", tag("strong", who), f": {text}.") for who, text in found)),
        )
        for at, block in enumerate(blocks)
        if (found := list(_sum_up(record, block, metrics)))
    ]
    if not items:
        return tag("p", "Nothing is compared here: no method stands beside a zero-shot one.")
    return tag("ul", *items, class_="verdicts")


def anchor(place: int) -> str:
    """Return the id of the table of the block in this place.

    >>> anchor(3)
    'table-3'
    """
    return f"table-{place}"


def _sum_up(
    record: RunRecord, block: Block, metrics: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    by_heading = {heading: metric for metric, heading in metrics.items()}
    told: dict[str, list[str]] = {}
    names = name_rows(block)
    gamed = {row.key for found in find_looks(record, block) for row, _ in found}
    for row in block.rows:
        ways = [_way(row, by_heading.get(name, name)) for name in ("accuracy", "PT", "IR")]
        text = _say(*ways)
        if text:
            text += LOOKS if row.key in gamed else ""
            told.setdefault(text, []).append(names[row.key])
    for text, rows in told.items():
        yield list_some(rows), text


def _way(row: Row, metric: str) -> str | None:
    score = row.score(metric)
    change = None if score is None else score.change
    if change is None or change.low is None:
        return None
    return _direction(change)


def _direction(change: Estimate) -> str:
    if not change.excludes_0:
        return "level"
    return "up" if change.above_0 else "down"


_RIGHT = {
    "up": "right more often than zero-shot",
    "down": "right less often than zero-shot",
    "level": "no difference shown in how often it is right",
}
_REASON = {
    "up": "for the right reason more often (PT rises)",
    "down": "for the right reason less often (PT falls)",
    "level": "no difference shown in its reasons (PT)",
}
_LOOKING = {
    "up": "when it looks at the evidence it is right more often (IR rises)",
    "down": "when it looks at the evidence it is right less often (IR falls)",
    "level": "no difference shown in IR",
}


LOOKS = ". But many of its maps only look right: the answer does not hang on the thing itself"
"""What is said of a method whose maps are flagged."""


def _say(accuracy: str | None, pt: str | None, ir: str | None) -> str:
    """Return in words which way each goes; empty where none has an interval.

    >>> _say("up", "down", None)
    'right more often than zero-shot; for the right reason less often (PT falls)'
    """
    ways = ((_RIGHT, accuracy), (_REASON, pt), (_LOOKING, ir))
    return "; ".join(words[way] for words, way in ways if way is not None)


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
        (explain_changes(record), "explainers", "explainers"),
    )
    for texts, place, where in whole:
        for text in _join_lines(texts):
            yield Note(text, place, where)
    failed, several = Failed(record, NOT_FOR_SCORES), len(record.seeds) > 1
    for at, block in enumerate(blocks):
        for text in explain_failures(record, failed, block.lacking):
            yield Note(text, anchor(at), f"table: {block.dataset}", grave=True)
        for text in _join_lines(
            (*explain_looks(record, block), *explain_undefined(block, several=several))
        ):
            yield Note(text, anchor(at), f"table: {block.dataset}")


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
    said: set[tuple[Key, str]] = set()
    room = ROWS_SHOWN
    for at, block in enumerate(blocks):
        rows, room = block.rows[: max(room, 0)], room - len(block.rows)
        left = len(block.rows) - len(rows)
        words = list(explain_block(block, metrics, findings, said)) if rows else []
        yield tag(
            "section",
            tag("h3", block.dataset),
            score_table(record, block, metrics, rows) if rows else None,
            tag("p", f"{left} more rows stand in run.json", class_="left-out") if left else None,
            _in_words(words),
            id=anchor(at),
            class_="block",
        )


def _in_words(sentences: Sequence[str]) -> Html | None:
    if not sentences:
        return None
    items = join(tag("li", text) for text in sentences)
    return tag("details", tag("summary", "In words"), tag("ul", items, class_="words"))
