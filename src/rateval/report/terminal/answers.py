"""Answers to questions: soft scores, and what is answered without the image, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from rateval.console import Text
from rateval.records.run import RunRecord
from rateval.records.scores.cell import ResultRecord
from rateval.records.scores.estimate import Estimate
from rateval.records.scores.grouping import group_by
from rateval.report.rows import Block
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
"""Columns of a terminal from which on all numbers have their intervals."""
_BLIND = {
    "blank_right": "right",
    "blank_kept": "kept",
    "other_right": "right*",
    "other_kept": "kept*",
}
"""A number of ``WithoutImageRecord`` to its heading."""


def without_image_sections(record: RunRecord, width: int) -> Iterator[RenderableType]:
    """Yield a table for each dataset with questions; answers are the same by each attribution."""
    results = [result for result in record.results if result.without_image is not None]
    for found in group_by(results, lambda result: result.key.dataset):
        # An attribution that draws gives its cells a seed, and no other answers.
        method = group_by(found, lambda one: one.key.without("attribution", "seed"))
        rows = [same[0] for same in method]
        yield Text()
        yield make_title(found[0].key.dataset, "answers without the image")
        yield _without_image(rows, f"{100 * record.level:g} %", wide=width >= _WIDE)


def soft_sections(block: Block, level: str, width: int) -> Iterator[RenderableType]:
    """Yield the scores of a test where answers are right to a share; nothing where they aren't."""
    rows = [row for row in block.rows if row.evidence is not None]
    soft = {
        metric: heading
        for metric, heading in block.metrics.items()
        if any((score := row.score(metric)) is not None and score.soft for row in rows)
    }
    if not soft:
        return
    wide = width >= _WIDE
    table = make_table("model", "method", *(["shift"] if block.shifted else []))
    _head(table, [f"soft {heading}" for heading in soft.values()], level, wide=wide)
    for row in rows:
        scores = [row.score(metric) for metric in soft]
        # Where each answer is right or wrong to all, the soft scores are the hard ones.
        values = [None if score is None else score.soft or score.value for score in scores]
        add_row(table, *show_labels(row.key, shifted=block.shifted), *_show(values, wide=wide))
    about = f"each answer by the share of people who agree · {block.judged_by}"
    yield from (Text(), make_title(block.dataset, about), table)


def explain_answer_columns(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield what the headings of these tables mean."""
    if any(result.without_image is not None for result in record.results):
        yield (
            "kept",
            "the answers to the image that stay where it is blank, beside the share that is right "
            "then; with * beside another question's image: language alone tells those",
        )
    scores = [s for r in record.results for e in r.evidence for s in e.scores]
    if any(score.soft is not None for score in scores):
        yield (
            "soft",
            "PT = sum(s v) / sum(s), IR = sum(s v) / sum(v): s how far people agree with an "
            "answer, v whether its evidence is valid",
        )


def _without_image(results: Sequence[ResultRecord], level: str, *, wide: bool) -> Table:
    shifted = any(result.key.shift for result in results)
    table = make_table("model", "method", *(["shift"] if shifted else []))
    _head(table, list(_BLIND.values()), level, wide=wide)
    for result in results:
        values = [getattr(result.without_image, name) for name in _BLIND]
        add_row(table, *show_labels(result.key, shifted=shifted), *_show(values, wide=wide))
    return table


def _head(table: Table, headings: Sequence[str], level: str, *, wide: bool) -> None:
    for heading in headings:
        add_number(table, f"{heading} %")
        if wide:
            add_number(table, level, "dim")


def _show(values: Sequence[Estimate | None], *, wide: bool) -> list[str | Text]:
    shown: list[str | Text] = []
    for found in values:
        value = None if found is None or found.value is None else 100 * found.value
        shown.append("" if found is None else show_number(value, ".1f"))
        if wide:
            shown.append("" if found is None else show_interval(found))
    return shown
