"""The table of each test: a row per cell, or per cell with its seeds together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rateval.console import Text
from rateval.records.run import RunRecord
from rateval.records.scores.cell import ScoreRecord
from rateval.records.scores.estimate import Estimate
from rateval.report.rows import Block, Part, Row, Shown
from rateval.report.sentences.changes import write_interval
from rateval.report.terminal.layout import (
    QUADRANTS,
    make_title,
    show_change,
    show_interval,
    show_labels,
    show_lack,
    show_mark,
    show_number,
)
from rateval.report.terminal.table import Table
from rateval.wording import write_count

_LAYOUTS: tuple[frozenset[Part], ...] = (
    frozenset({"label", "value", "interval", "change", "count"}),
    frozenset({"label", "value", "interval", "change"}),
    frozenset({"label", "value", "spread", "change", "count"}),
    frozenset({"label", "value", "change", "count"}),
    frozenset({"label", "value", "spread", "change"}),
    frozenset({"label", "value", "change"}),
    frozenset({"label", "value", "spread", "mark", "later mark", "count"}),
    frozenset({"label", "value", "spread", "mark", "later mark"}),
    frozenset({"label", "value", "mark", "later mark", "count"}),
    frozenset({"label", "value", "mark", "later mark"}),
    frozenset({"label", "value", "mark"}),
)
"""What a table may show, the most telling first: the first one that fits is taken."""

_FIRST = 3
"""Metrics whose changes are marked where there is no room for those of all."""

_ROOMY = 150
"""Columns of a terminal from which on values' own intervals are shown in the place of counts."""


@dataclass(frozen=True, slots=True)
class _Column:
    part: Part
    heading: str
    cells: Sequence[Text]

    @property
    def width(self) -> int:
        return max(len(self.heading), *(cell.cell_len for cell in self.cells))


class ScoreTables:
    """The tables of one report, all set alike: as much as fits into each of them."""

    def __init__(self, record: RunRecord, blocks: Sequence[Block], width: int) -> None:
        self._seeds = len(record.seeds)
        self._level = record.level
        self._made = {id(block): list(self._columns(block)) for block in blocks}
        self.shown = self._choose(width)

    def title(self, block: Block) -> Text:
        """Return the title of a table."""
        parts = ["no results"]
        if block.count is not None:
            mean = [f"mean of {self._seeds} seeds"] if self._seeds > 1 else []
            parts = [*mean, write_count(block.count, f"test {block.unit}")]
        return make_title(block.dataset, " · ".join((*parts, block.judged_by)))

    def table(self, block: Block) -> Table:
        """Return a table with a place for every score, whatever is known of it."""
        table = Table(gap=self.shown.gap)
        columns = [found for found in self._made[id(block)] if found.part in self.shown.parts]
        for column in columns:
            labels = column.part == "label"
            left = labels or column.part == "change"
            style = "dim" if column.part in ("spread", "interval", "count") else ""
            table.add_column(
                Text(column.heading), "left" if left else "right", folds=labels, style=style
            )
        for cells in zip(*(column.cells for column in columns), strict=True):
            table.add_row(*cells)
        return table

    def _choose(self, width: int) -> Shown:
        """Return the first layout that fits, closely set if need be; else the last."""
        layouts = [
            parts
            for parts in _LAYOUTS
            if (self._seeds > 1 or "spread" not in parts)
            and (width >= _ROOMY or "interval" not in parts or "count" in parts)
        ]
        needed = {(parts, gap): self._needs(parts, gap) for parts in layouts for gap in (2, 1)}
        parts, gap = next((key for key, room in needed.items() if room <= width), (layouts[-1], 1))
        if "change" in parts:
            return Shown(parts, gap)
        return Shown(parts, gap, min(needed[way, 1] for way in layouts if "change" in way))

    def _needs(self, parts: frozenset[Part], gap: int) -> int:
        return max(
            (
                sum(column.width + gap for column in columns if column.part in parts) - gap
                for columns in self._made.values()
            ),
            default=0,
        )

    def _columns(self, block: Block) -> Iterator[_Column]:
        shift = ["shift"] if block.shifted else []
        labels = [show_labels(row.key, shifted=block.shifted) for row in block.rows]
        for heading, texts in zip(
            ("model", "method", *shift), zip(*labels, strict=True), strict=True
        ):
            yield _Column("label", heading, [Text(text) for text in texts])
        for place, (metric, heading) in enumerate(block.metrics.items()):
            mark: Part = "mark" if place < _FIRST else "later mark"
            yield from self._scores(block.rows, metric, heading, mark)
        for name in QUADRANTS:
            yield _Column("count", name, [_count(row, name) for row in block.rows])

    def _scores(
        self, rows: Sequence[Row], metric: str, heading: str, mark: Part
    ) -> Iterator[_Column]:
        scores = [row.score(metric) for row in rows]
        changes = [None if score is None else score.change for score in scores]
        several, level = self._seeds > 1, f"{100 * self._level:g} %"
        values = [_value(row, score) for row, score in zip(rows, scores, strict=True)]
        yield _Column("value", heading if several else f"{heading} %", values)
        if several:
            yield _Column("spread", "± sd", [_deviation(score) for score in scores])
        yield _Column("interval", level, [_interval(score) for score in scores])
        known = any(change is not None and change.low is not None for change in changes)
        yield _Column("change", f"Δ zs ({level})" if known else "Δ zs", _with_intervals(changes))
        yield _Column(mark, "Δ zs ", [_with_mark(change) for change in changes])


def _value(row: Row, score: ScoreRecord | None) -> Text:
    if score is None:
        return show_lack(row.lack)
    value = score.value.value
    return show_number(None if value is None else 100 * value, ".1f")


def _deviation(score: ScoreRecord | None) -> Text:
    known = score is not None and score.value.sd is not None
    return Text(f"±{100 * (score.value.sd or 0):.1f}") if score is not None and known else Text()


def _interval(score: ScoreRecord | None) -> Text:
    return Text() if score is None else show_interval(score.value)


def _with_intervals(changes: Sequence[Estimate | None]) -> list[Text]:
    """Return changes with their intervals, digits of changes below digits."""
    alone = [_change(change) for change in changes]
    widest = max((text.cell_len for text in alone), default=0)
    return [
        Text(" " * (widest - text.cell_len)).append(text).append(write_interval(change))
        if change is not None
        else text
        for text, change in zip(alone, changes, strict=True)
    ]


def _with_mark(change: Estimate | None) -> Text:
    text = _change(change)
    return text if change is None else text.append(show_mark(change), style=text.style)


def _change(change: Estimate | None) -> Text:
    """Return a change, in colour where its interval leaves out 0."""
    if change is None:
        return Text()
    return show_change(change.value, None if change.excludes_0 else "")


def _count(row: Row, quadrant: str) -> Text:
    return Text() if row.evidence is None else Text(f"{row.evidence.quadrants[quadrant]:,.0f}")
