"""The table of each test: a row per cell, or per cell with its seeds together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rateval.console import Text
from rateval.records.cell import ScoreRecord
from rateval.records.estimate import Estimate
from rateval.records.run import RunRecord
from rateval.report.rows import WIDE, WIDE_OVER_SEEDS, Block, Row, headings
from rateval.report.terminal.layout import (
    QUADRANTS,
    add_number,
    add_row,
    make_table,
    make_title,
    show_change,
    show_interval,
    show_labels,
    show_lack,
    show_number,
)
from rateval.report.terminal.table import Table


@dataclass(frozen=True, slots=True)
class ScoreTables:
    """How the tables of one report are set."""

    seeds: int
    """Seeds of the study."""
    wide: bool
    """Whether there is room for intervals."""
    metrics: Mapping[str, str]
    """Label of a metric to the heading of its column."""

    @classmethod
    def of(cls, record: RunRecord, width: int) -> ScoreTables:
        """Return how the tables of a run are set on ``width`` columns."""
        seeds = len(record.seeds)
        wide = width >= (WIDE_OVER_SEEDS if seeds > 1 else WIDE)
        return cls(seeds, wide, headings(record))

    def title(self, block: Block) -> Text:
        """Return the title of a table."""
        parts = ["no results"]
        if block.count is not None:
            mean = [f"mean of {self.seeds} seeds"] if self.seeds > 1 else []
            parts = [*mean, f"{block.count:,.0f} test images"]
        return make_title(block.dataset, " · ".join((*parts, block.attribution, block.validator)))

    def table(self, block: Block) -> Table:
        """Return a table with a place for every score, whatever is known of it."""
        shift = ["shift"] if block.shifted else []
        table = make_table("model", "method", *shift, tight=not self.wide)
        several = self.seeds > 1
        for heading in self.metrics.values():
            add_number(table, heading if several else f"{heading} %")
            if self.wide or several:
                add_number(table, "95 %" if self.wide else "± sd", "dim")
            add_number(table, "Δ zs " if several else "Δ zs")
        for quadrant in self._quadrants:
            add_number(table, quadrant, "dim")
        for row in block.rows:
            add_row(table, *show_labels(row.key, shifted=block.shifted), *self._numbers(row))
        return table

    @property
    def _quadrants(self) -> tuple[str, ...]:
        return QUADRANTS if self.wide or self.seeds == 1 else ()

    def _numbers(self, row: Row) -> list[str | Text]:
        shown: list[str | Text] = []
        for metric in self.metrics:
            score = row.score(metric)
            between = 1 if self.wide or self.seeds > 1 else 0
            if score is None:
                shown += [show_lack(row.lack), *[""] * between, ""]
            else:
                shown += self._score(score)
        if row.evidence is None:
            return shown + [""] * len(self._quadrants)
        return shown + [f"{row.evidence.quadrants[name]:,.0f}" for name in self._quadrants]

    def _score(self, score: ScoreRecord) -> list[Text]:
        value = score.value.value
        shown = [show_number(None if value is None else 100 * value, ".1f")]
        if self.wide:
            shown.append(show_interval(score.value))
        elif self.seeds > 1:
            shown.append(_deviation(score.value))
        change = show_change(None if score.change is None else score.change.value)
        if change and score.change and self.seeds > 1:  # the blank keeps digits below digits
            change.append("*" if score.change.excludes_0 else " ")
        return [*shown, change]


def _deviation(value: Estimate) -> Text:
    return Text() if value.sd is None else Text(f"±{100 * value.sd:.1f}")
