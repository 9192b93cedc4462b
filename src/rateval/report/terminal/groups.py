"""The tables of each test by the dataset's groups: every score for each value of a group."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.console import RenderableType

from rateval.console import Text
from rateval.records.run import RunRecord
from rateval.records.scores.groups import MOST_VALUES, GroupRecord, SliceRecord
from rateval.report.rows import Block, Row
from rateval.report.terminal.layout import (
    add_number,
    add_row,
    make_table,
    make_title,
    show_interval,
    show_labels,
    show_notes,
    show_number,
)
from rateval.report.terminal.table import Table
from rateval.wording import plural

VALUES_SHOWN = 8
"""Values of a group that are printed, those of most images; ``run.json`` holds all of them."""

_LONGEST = 40
"""Characters of a value that are printed."""

_UNKNOWN = "(not known)"


@dataclass(frozen=True, slots=True)
class GroupTables:
    """How the tables by groups are set: with the scores that the table of the test has."""

    wide: bool
    """Whether there is room for intervals."""
    metrics: Mapping[str, str]
    """Label of a metric to the heading of its column."""
    cluster: str = "none"
    """The group whose samples count as drawn together: a table of many such says nothing."""
    limit: int | None = None
    """Columns that a table has at most as long as leaving out its intervals helps."""

    def sections(self, block: Block) -> Iterator[RenderableType]:
        """Yield title, table and notes for each group of a test; nothing where there are none."""
        for name in dict.fromkeys(name for row in block.rows for name in self._names(row)):
            yield from self._section(block, name)

    def _section(self, block: Block, name: str) -> Iterator[RenderableType]:
        found = [(row, group) for row in block.rows if (group := self._group(row, name))]
        distinct = max(group.distinct for _, group in found)
        rows = [(row, group) for row, group in found if group.slices]
        if name == self.cluster and distinct > VALUES_SHOWN:
            return
        if not rows:
            many = f"{name}: {distinct:,} different values, more than {MOST_VALUES}"
            yield from show_notes([f"{many}, so there are no scores by it"])
        elif distinct > 1 or len(rows[0][1].slices) > 1:
            shown, left = _choose(rows[0][1].slices)
            rest = f" · {VALUES_SHOWN} values of most {plural(block.unit)}" if left else ""
            about = f"by {name} · {block.judged_by}{rest}"
            yield from (Text(), make_title(block.dataset, about))
            yield self._table(block, name, [row for row, _ in rows], shown)
            more = f"and {left} more values of {name}, under groups in run.json"
            yield from show_notes([more] if left else [])

    def _table(
        self, block: Block, name: str, rows: Sequence[Row], values: Sequence[str | None]
    ) -> Table:
        shift = ["shift"] if block.shifted else []
        table = make_table("model", "method", *shift, name, tight=not self.wide)
        add_number(table, plural(block.unit), "dim")
        for heading in self.metrics.values():
            add_number(table, f"{heading} %")
            if self.wide:
                add_number(table, "95 %", "dim")
        for row in rows:
            labels = show_labels(row.key, shifted=block.shifted)
            for at, value in enumerate(values):
                given = ["" for _ in labels] if at else labels
                add_row(table, *given, _shorten(value), *self._numbers(row, name, value))
        if self.wide and self.limit is not None and table.width > self.limit:
            return replace(self, wide=False)._table(block, name, rows, values)
        return table

    def _numbers(self, row: Row, name: str, value: str | None) -> list[str | Text]:
        parts = {metric: _slice(self._group(row, name, metric), value) for metric in self.metrics}
        counts = [part.count for part in parts.values() if part is not None]
        shown: list[str | Text] = [f"{counts[0]:,.0f}" if counts else ""]
        for part in parts.values():
            if part is None:
                shown += ["", ""] if self.wide else [""]
                continue
            score = part.score.value
            shown.append(show_number(None if score is None else 100 * score, ".1f"))
            if self.wide:
                shown.append(show_interval(part.score))
        return shown

    def _names(self, row: Row) -> list[str]:
        scores = (row.score(metric) for metric in self.metrics)
        return [group.name for score in scores if score is not None for group in score.groups]

    def _group(self, row: Row, name: str, metric: str | None = None) -> GroupRecord | None:
        for label in self.metrics if metric is None else [metric]:
            score = row.score(label)
            for group in score.groups if score is not None else ():
                if group.name == name:
                    return group
        return None


def find_cluster(record: RunRecord) -> str:
    """Return the group whose samples a run counts as drawn together, or ``none``."""
    cluster: str = record.spec_resolved.get("statistics", {}).get("cluster", "none")
    return cluster


def _choose(slices: Sequence[SliceRecord]) -> tuple[list[str | None], int]:
    """Return the values to show, in their order, and how many are left out."""
    largest = sorted(slices, key=lambda part: -part.count)[:VALUES_SHOWN]
    kept = {part.value for part in largest}
    return [part.value for part in slices if part.value in kept], len(slices) - len(kept)


def _slice(group: GroupRecord | None, value: str | None) -> SliceRecord | None:
    return next((part for part in group.slices if part.value == value), None) if group else None


def _shorten(value: str | None) -> str:
    if value is None:
        return _UNKNOWN
    if not value.strip():
        return json.dumps(value)  # what is blank would be seen by nobody
    return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"
