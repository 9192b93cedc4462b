"""The section of charts in a page: each kind under a heading, for the test that is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from rateval.records.run import RunRecord
from rateval.report.html.charts.arrows import arrow_charts
from rateval.report.html.charts.bars import quadrant_bars
from rateval.report.html.charts.classes import ClassTables
from rateval.report.html.charts.drawing import CONFIG, Charts
from rateval.report.html.charts.severity import severity_maps, shift_sections
from rateval.report.html.charts.thresholds import TESTS_SHOWN as CURVES_SHOWN, threshold_charts
from rateval.report.html.charts.trainings import training_charts
from rateval.report.html.charts.transitions import transition_data, transition_place
from rateval.report.html.markup import Child, Html, tag
from rateval.report.html.parts import convert
from rateval.report.rows import Block
from rateval.report.sentences.classes import explain_worst
from rateval.report.sentences.shifts import shorten
from rateval.report.sentences.thresholds import explain_chance, explain_crossings, find_clear
from rateval.report.terminal.answers import soft_sections, without_image_sections
from rateval.report.terminal.calibration import calibration_sections, confidence_section
from rateval.report.terminal.captions import caption_sections
from rateval.report.terminal.explainers import explainer_sections
from rateval.report.terminal.groups import GroupTables, find_cluster
from rateval.report.terminal.trainings import curve_sections
from rateval.wording import plural

FROM_TO = (
    "How many {units} stood where with the first method, and stand where with the second: "
    "R or W for the prediction, then R or W for its reason."
)

WIDE = 1000
"""Columns that a terminal would need to show all that a page shows."""

ROWS_SHOWN = 100
"""Rows of a table by group, or of confidence."""

ROWS_OF_ALL = 2000
"""Rows of all these tables together."""

TESTS_SHOWN = 40
"""Tests that have charts; the tables are those of all."""


class ChartSection:
    """Everything between the heading of the charts and that of the gallery."""

    def __init__(
        self, record: RunRecord, blocks: Sequence[Block], metrics: Mapping[str, str]
    ) -> None:
        self._record = record
        self._whole = list(blocks)[:TESTS_SHOWN]
        self._blocks = [shorten(record, block) for block in self._whole]
        self._left = len(blocks) - len(self._blocks)
        self._metrics = metrics
        self._charts = Charts()
        self._classes = ClassTables(record, metrics)
        self._clear = find_clear(record)
        self._groups = GroupTables(wide=True, metrics=metrics, cluster=find_cluster(record))
        self._room = ROWS_OF_ALL
        self.parts = list(self._sections())
        """The elements, in their order."""

    def data(self) -> dict[str, Any]:
        """Return what the page's scripts draw, as JSON values."""
        return {
            "config": CONFIG,
            "charts": self._charts.specs,
            "classes": self._classes.data,
            "transitions": transition_data(self._record, self._blocks),
        }

    def _sections(self) -> Iterator[Html]:
        yield from self._chooser()
        for at, block in enumerate(self._blocks):
            # The choice is not printed, but what was chosen is.
            chosen = tag("p", f"{block.dataset} · {block.judged_by}", class_="chosen")
            parts = list(self._of_test(at, block))
            yield tag("div", chosen, *parts, data_group="test", data_item=at, hidden=at > 0)
        yield from self._of_all()

    def _chooser(self) -> Iterator[Html]:
        if len(self._blocks) < 2:
            return
        options = [
            tag("option", f"{block.dataset} · {block.judged_by}", value=at)
            for at, block in enumerate(self._blocks)
        ]
        yield tag(
            "p",
            tag("label", "Charts of ", for_="test"),
            tag("select", *options, id="test", data_shows="test"),
            class_="chooser",
        )
        if self._left > 0:
            yield tag("p", f"{self._left} more tests have tables only", class_="left-out")

    def _of_test(self, at: int, block: Block) -> Iterator[Child]:
        arrows = arrow_charts(self._record, self._charts, block, self._metrics)
        if arrows is not None:
            yield from (tag("h3", "Right, and right for the right reason"), arrows)
        bars = quadrant_bars(self._record, block)
        if bars is not None:
            yield from (tag("h3", f"Where the {plural(block.unit)} fall"), bars)
        if len(block.rows) > 1 and bars is not None:
            yield tag("h3", "From one method to another")
            yield tag("p", FROM_TO.format(units=plural(block.unit)), class_="how")
            yield transition_place(at)
        curves = threshold_charts(self._record, self._charts, block) if at < CURVES_SHOWN else None
        if curves is not None:
            yield from (tag("h3", "If the threshold were another"), curves)
            texts = (*explain_chance(block), *explain_crossings(block, self._clear))
            yield _in_words(texts)
        maps = severity_maps(self._record, self._whole[at], self._metrics)
        told = list(shift_sections(self._record, block))
        if maps is not None or told:
            yield tag("h3", "By type and severity of the shift")
            yield from (maps, *told)
        classes = self._classes.place(block)
        if classes is not None:
            worst = [tag("p", text, class_="how") for text in explain_worst(block)]
            yield from (tag("h3", "Class by class"), *worst, classes)
        yield from self._short(self._groups.sections(block), "Group by group")
        level = f"{100 * self._record.level:g} %"
        yield from self._short(soft_sections(block, level, WIDE), "By how far people agree")
        confidence = confidence_section(block, level, WIDE)
        yield from self._short(confidence, "Is it surer where it is right for the right reason?")

    def _short(self, parts: Iterable[RenderableType], heading: str) -> Iterator[Html]:
        """Yield tables that every test has, as long as there is room for more of them."""
        shown = list(convert(parts, min(self._room, ROWS_SHOWN)) if self._room > 0 else ())
        self._room -= sum(part.count("<tr>") for part in shown)
        if shown:
            yield from (tag("h3", heading), *shown)

    def _of_all(self) -> Iterator[Html]:
        record = self._record
        if record.trainings:
            yield tag("h3", "Training", id="training")
            yield from training_charts(record, self._charts)
            table = list(convert(curve_sections(record)))
            yield tag("details", tag("summary", "The numbers of these curves"), *table)
        explainers = list(convert(explainer_sections(record)))
        if explainers:
            yield tag("h3", "Do the explainers agree?", id="explainers")
            yield from explainers
        blind = list(convert(without_image_sections(record, WIDE)))
        if blind:
            yield tag("h3", "What does it answer without the image?", id="without-image")
            yield from blind
        captions = list(convert(caption_sections(record, WIDE)))
        if captions:
            yield tag("h3", "What do its captions mention?", id="captions")
            yield from captions
        confidence = list(convert(calibration_sections(record)))
        if confidence:
            yield tag("h3", "How far can its confidence be trusted?", id="confidence")
            yield from confidence


def _in_words(texts: Sequence[str]) -> Html | None:
    if not texts:
        return None
    return tag("ul", *(tag("li", text.strip(" ·")) for text in texts), class_="words")
