"""Charts of scores by epoch of training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rateval.records.about.trainings import CurveRecord
from rateval.records.run import RunRecord
from rateval.records.scores.grouping import group_by
from rateval.report.html.charts.drawing import Charts, altair, colour_numbers, legend, scale
from rateval.report.html.markup import Html, tag
from rateval.report.terminal.trainings import series

POINTS = 200
"""Points of a curve at most; of more, evenly chosen ones with the first and the last."""

CURVES_SHOWN = 24
"""Curves of one chart."""

CHARTS_SHOWN = 12
"""Groups of data and model that have charts."""


def training_charts(record: RunRecord, charts: Charts) -> Iterator[Html]:
    """Yield for each data and model a chart per score, a curve for each method's first seed."""
    seeds = [curve.key.seed for curve in record.trainings if curve.key.seed is not None]
    shown = [curve for curve in record.trainings if curve.key.seed in (None, *seeds[:1])]
    groups = group_by(shown, lambda curve: (curve.key.dataset, curve.key.model))
    for group in groups[:CHARTS_SHOWN]:
        numbers = colour_numbers([curve.key.finetuner for curve in group], ["zs"])
        numbers.pop("zs")
        named = f"{group[0].key.model} on {group[0].key.dataset}"
        told = f", seed {seeds[0]}" if len(set(seeds)) > 1 else ""
        figures = [
            _chart(charts, f"{score}, {named}{told}", points, numbers)
            for score, points in _scores(group[:CURVES_SHOWN])
        ]
        yield tag("div", *figures, class_="small-charts")
        yield legend(numbers)
    left = len(groups) - CHARTS_SHOWN
    if left > 0:
        yield tag("p", f"and {left} more, under trainings in run.json", class_="left-out")


def _scores(curves: Sequence[CurveRecord]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for curve in curves:
        for score, values in series(curve):
            for at in thin(len(values)):
                point = {"x": at + 1, "y": values[at], "method": curve.key.finetuner}
                found.setdefault(score, []).append(point)
    yield from found.items()


def thin(count: int, most: int = POINTS) -> list[int]:
    """Return the places that are drawn of a curve of ``count`` points, the ends among them.

    >>> thin(3), thin(9, 3)
    ([0, 1, 2], [0, 4, 8])
    """
    if count <= most:
        return list(range(count))
    return [round(at * (count - 1) / (most - 1)) for at in range(most)]


def _chart(
    charts: Charts, caption: str, points: list[dict[str, Any]], numbers: dict[str, int]
) -> Html:
    alt = altair()

    unit = "" if caption.startswith("loss") else " %"
    whole = alt.Axis(format="d", tickMinStep=1)
    chart = (
        alt.Chart(alt.Data(values=points))
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=18, filled=True))
        .encode(
            x=alt.X("x:Q", title="epoch", axis=whole, scale=alt.Scale(nice=False)),
            y=alt.Y("y:Q", title=caption.partition(",")[0] + unit, scale=alt.Scale(zero=False)),
            color=alt.Color("method:N", legend=None, scale=alt.Scale(**scale(numbers))),
            tooltip=[
                alt.Tooltip("method:N"),
                alt.Tooltip("x:Q", title="epoch"),
                alt.Tooltip("y:Q", title="value", format=".3~g"),
            ],
        )
    )
    return charts.add(chart, caption, "The table below has the numbers", 200)
