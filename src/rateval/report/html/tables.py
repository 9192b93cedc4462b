"""The tables of scores in a page: one for each test, explainer and validator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rateval.records.run import RunRecord
from rateval.report.html.figures import MEANINGS, count_door, show_difference, show_value
from rateval.report.html.markup import Child, Html, join, tag
from rateval.report.rows import Block, Row
from rateval.report.terminal.layout import QUADRANTS, show_labels
from rateval.wording import plural, write_count

ROWS_SHOWN = 400
"""Rows of all tables together; ``run.json`` holds all of them."""


def score_table(
    record: RunRecord, block: Block, metrics: Mapping[str, str], rows: Sequence[Row]
) -> Html:
    """Return the table of these rows of a block: values, changes and counts.

    ``metrics`` are the headings of the metrics by their labels; those that no row has are left out.
    """
    known = [_Columns(block, metric, heading) for metric, heading in metrics.items()]
    known = [columns for columns in known if columns.there]
    body = [_row(record, block, row, known) for row in rows]
    return scrolling(
        tag(
            "table",
            tag("caption", caption(record, block, judged=False)),
            tag("thead", _heads(record, block, known)),
            tag("tbody", *body),
            class_="scores",
        ),
        f"scores on {block.dataset}, {block.judged_by}",
    )


class _Columns:
    """What the rows of a block have of one metric: whether any value, whether any change."""

    def __init__(self, block: Block, metric: str, heading: str) -> None:
        scores = [score for row in block.rows if (score := row.score(metric))]
        self.metric, self.heading = metric, heading
        self.there = bool(scores)
        self.changed = any(score.change for score in scores)


def anchor(place: int) -> str:
    """Return the id of the table of the block in this place.

    >>> anchor(3)
    'table-3'
    """
    return f"table-{place}"


def scrolling(table: Html, label: str) -> Html:
    """Return a table in a region of its own, which scrolls where the page is too narrow."""
    return tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=label)


def caption(record: RunRecord, block: Block, *, judged: bool = True) -> str:
    """Return what a block's table is about, in words; how it was ``judged`` may stand above."""
    seeds = len(record.seeds)
    model = [block.rows[0].key.model] if _alone(block) else []
    mean = [f"mean of {seeds} seeds"] if seeds > 1 else []
    tested = f"test {block.unit}"
    count = "no results" if block.count is None else write_count(block.count, tested)
    return " · ".join([*model, *mean, count, *([block.judged_by] if judged else [])])


def _alone(block: Block) -> bool:
    """Return whether all rows are of one model, which the caption then names."""
    first = block.rows[0].key.model
    return all(row.key.model == first for row in block.rows)


def _heads(record: RunRecord, block: Block, metrics: Sequence[_Columns]) -> Html:
    labels = ["model", "method"][_alone(block) :] + (["shift"] if block.shifted else [])
    level = f"{100 * record.level:g} %"
    upper: list[Child] = [
        tag("th", label, scope="col", rowspan=2, class_="label") for label in labels
    ]
    lower: list[Child] = []
    for found in metrics:
        heads = ["% ", *(["Δ zs "] if found.changed else [])]
        span = {"scope": "colgroup", "colspan": 2} if found.changed else {"scope": "col"}
        upper.append(tag("th", found.heading, class_="group", **span))
        lower += [
            tag("th", head, tag("small", f"({level})"), scope="col", class_="number")
            for head in heads
        ]
    if any(row.evidence for row in block.rows):
        upper.append(tag("th", plural(block.unit), scope="colgroup", colspan=4, class_="group"))
        lower += [
            tag("th", tag("abbr", name, title=MEANINGS[name]), scope="col", class_="number")
            for name in QUADRANTS
        ]
    return join([tag("tr", *upper), tag("tr", *lower)])


def _row(record: RunRecord, block: Block, row: Row, metrics: Sequence[_Columns]) -> Html:
    model, method, *shift = show_labels(row.key, shifted=block.shifted)
    # The method names the row: models repeat from row to row.
    cells: list[Child] = [] if _alone(block) else [tag("td", model, class_="label")]
    cells.append(tag("th", method, scope="row", class_="label"))
    cells += [tag("td", text, class_="label") for text in shift]
    cells += [cell for found in metrics for cell in _score(row, found)]
    if row.evidence is not None:
        cells += [
            tag("td", count_door(record, block, row, name), class_="number") for name in QUADRANTS
        ]
    elif any(other.evidence for other in block.rows):
        cells += [tag("td", "", class_="number") for _ in QUADRANTS]
    return tag("tr", *cells)


def _score(row: Row, columns: _Columns) -> Iterator[Html]:
    score = row.score(columns.metric)
    if score is None:
        yield tag("td", row.lack, class_="number lack")
    else:
        yield tag("td", show_value(score.value), class_="number value")
    if columns.changed:
        change = None if score is None else score.change
        yield tag("td", show_difference(change), class_="number change")
