"""Charts of accuracy against PT and IR: from zero-shot to each method, as an arrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.estimate import Estimate
from rateval.report.html.charts.drawing import Charts, altair, colour_numbers, legend, scale
from rateval.report.html.figures import find_metric, write_percent
from rateval.report.html.markup import Html, join, tag
from rateval.report.rows import Block, name_rows

ROWS_SHOWN = 40
"""Arrows of one chart."""

HOW = (
    "Each arrow goes from zero-shot to a method. The thin bars are the intervals of the paired "
    "change: one that crosses the level of zero-shot shows no difference."
)


def arrow_charts(
    record: RunRecord, charts: Charts, block: Block, metrics: Mapping[str, str]
) -> Html | None:
    """Return two charts of a block; None where it has no accuracy or nothing beside it."""
    accuracy = find_metric(metrics, "accuracy")
    untrained = {cell.key.seedless for cell in record.cells if not cell.trained}
    figures = []
    names = list(dict.fromkeys(row.key.finetuner for row in block.rows))
    plain = list(dict.fromkeys(key.finetuner for key in untrained if key.finetuner in names))
    numbers = colour_numbers(names, plain)
    for heading in ("PT", "IR"):
        found = list(_points(block, accuracy, find_metric(metrics, heading), untrained))
        if len(found) > 1:
            figures.append(_chart(charts, block, heading, found[:ROWS_SHOWN], numbers))
    if not figures:
        return None
    return join([tag("div", *figures, class_="pair"), legend(numbers, HOW)])


def _points(
    block: Block, accuracy: str, other: str, untrained: set[Key]
) -> Iterator[dict[str, Any]]:
    """Yield each row's place, and that of zero-shot, from which its changes are taken."""
    names = name_rows(block)
    for row in block.rows:
        across, up = row.score(accuracy), row.score(other)
        if across is None or up is None or across.value.value is None or up.value.value is None:
            continue
        point: dict[str, Any] = {
            "name": names[row.key],
            "method": row.key.finetuner,
            "x": 100 * across.value.value,
            "y": 100 * up.value.value,
            "zero": row.key.seedless in untrained,
        }
        changes = (("x", across.value, across.change), ("y", up.value, up.change))
        for axis, value, change in changes:
            point |= _from_change(axis, value, change)
        yield point


def _from_change(axis: str, value: Estimate, change: Estimate | None) -> dict[str, float]:
    """Return where the change began, and the ends of its interval, counted from there."""
    if change is None or change.value is None or value.value is None:
        return {}
    start = 100 * (value.value - change.value)
    found = {f"{axis}0": start, f"d{axis}": 100 * change.value}
    if change.low is not None and change.high is not None:
        found |= {f"{axis}1": start + 100 * change.low, f"{axis}2": start + 100 * change.high}
    return found


def _chart(
    charts: Charts,
    block: Block,
    heading: str,
    points: list[dict[str, Any]],
    numbers: dict[str, int],
) -> Html:
    alt = altair()

    x, y = (
        alt.X("x:Q", title="accuracy %", scale=alt.Scale(domain=[0, 100])),
        alt.Y("y:Q", title=f"{heading} %", scale=alt.Scale(domain=[0, 100])),
    )
    hue = alt.Color("method:N", legend=None, scale=alt.Scale(**scale(numbers)))
    tip = [
        alt.Tooltip("name:N", title="method"),
        alt.Tooltip("x:Q", title="accuracy %", format=".1f"),
        alt.Tooltip("y:Q", title=f"{heading} %", format=".1f"),
    ]
    base = alt.Chart(alt.Data(values=points)).encode(color=hue)
    moved = base.transform_filter("isValid(datum.dx) && isValid(datum.dy)")
    # Up is 0 and angles go clockwise; a chart is rarely a square.
    angle = alt.ExprRef("atan2(datum.dx * width, datum.dy * height) * 180 / PI")
    layers = alt.layer(
        base.transform_filter("isValid(datum.y1)")
        .mark_rule(strokeWidth=1.2, opacity=0.75, clip=True)
        .encode(x=x, y=alt.Y("y1:Q"), y2="y2:Q"),
        base.transform_filter("isValid(datum.x1)")
        .mark_rule(strokeWidth=1.2, opacity=0.75, clip=True)
        .encode(x=alt.X("x1:Q"), x2="x2:Q", y=y),
        moved.mark_rule(strokeWidth=2.4).encode(x=alt.X("x0:Q"), y=alt.Y("y0:Q"), x2="x", y2="y"),
        moved.mark_point(shape="triangle", filled=True, size=130, opacity=1, angle=angle).encode(
            x=x, y=y, tooltip=tip
        ),
        base.transform_filter("datum.zero || !isValid(datum.dx) || !isValid(datum.dy)")
        .mark_point(filled=True, size=80, opacity=1)
        .encode(x=x, y=y, tooltip=tip),
    )
    told = "; ".join(
        f"{point['name']}: accuracy {write_percent(point['x'] / 100)}, "
        f"{heading} {write_percent(point['y'] / 100)}"
        for point in points
    )
    return charts.add(layers, f"Accuracy against {heading}, in %", told)
