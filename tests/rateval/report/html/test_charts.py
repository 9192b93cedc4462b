"""Charts show the record's numbers: their data are compared with what is stored."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rateval.records.run import RunRecord
from rateval.report.html.charts.arrows import arrow_charts
from rateval.report.html.charts.classes import ClassTables
from rateval.report.html.charts.drawing import Charts
from rateval.report.html.charts.severity import severity_maps
from rateval.report.html.charts.thresholds import threshold_charts
from rateval.report.html.charts.trainings import POINTS, thin, training_charts
from rateval.report.rows import headings, lay_out


def test_an_arrow_goes_from_zero_shot_to_the_method_with_its_interval(
    small_run: RunRecord,
) -> None:
    charts, metrics = Charts(), headings(small_run)
    block = next(iter(lay_out(small_run)))
    assert arrow_charts(small_run, charts, block, metrics) is not None
    assert len(charts.specs) == 2
    zero, trained = block.rows
    for spec, heading in zip(charts.specs, ("PT", "IR"), strict=True):
        points = (
            {point["name"]: point for point in spec["layer"][0]["data"]["values"]}
            if ("data" in spec["layer"][0])
            else {point["name"]: point for point in spec["data"]["values"]}
        )
        by_heading = {head: metric for metric, head in metrics.items()}
        start, end = (row.score(by_heading[heading]) for row in (zero, trained))
        assert start is not None
        assert end is not None
        assert end.change is not None
        point = points["lp"]
        assert point["y"] == pytest.approx(100 * (end.value.value or 0))
        if start.value.value is not None and end.change.value is not None:
            assert point["y0"] == pytest.approx(100 * start.value.value)
        if end.change.low is not None:
            assert point["y1"] == pytest.approx(point["y0"] + 100 * end.change.low)
        assert points["zs"]["zero"] is True


def test_threshold_curves_are_shares_of_the_stored_rows(small_run: RunRecord) -> None:
    charts = Charts()
    block = next(iter(lay_out(small_run)))
    assert threshold_charts(small_run, charts, block) is not None
    pt = charts.specs[0]
    layers = [layer for layer in pt["layer"] if layer["mark"]["type"] == "line"]
    points = (layers[0].get("data") or pt["data"])["values"]
    cell = block.cells[0][0]
    rows = small_run.rows(cell, block.validator).to_pylist()
    right = [row for row in rows if row["correct"] and row["undefined"] is None]
    drawn = [point for point in points if point["name"] == cell.key.finetuner]
    assert len(drawn) > 90
    for point in drawn[::9]:
        valid = sum(row["score"] > point["x"] or row["score"] == point["x"] for row in right)
        share = 100 * valid / len(right)
        assert point["y"] == pytest.approx(share, abs=100 / len(right) + 0.05)
        low, high = wilson(valid, len(right))
        assert point["l"] - 0.1 <= point["y"] <= point["h"] + 0.1
        if math.isclose(point["y"], share, abs_tol=0.05):
            assert (point["l"], point["h"]) == pytest.approx((100 * low, 100 * high), abs=0.06)


def wilson(count: int, of: int) -> tuple[float, float]:
    z = 1.959963984540054
    middle = (count + z * z / 2) / (of + z * z)
    half = z / (of + z * z) * math.sqrt(count * (of - count) / of + z * z / 4)
    return middle - half, middle + half


def test_classes_are_the_stored_ones_the_worst_first(small_run: RunRecord) -> None:
    tables = ClassTables(small_run, headings(small_run))
    block = next(iter(lay_out(small_run)))
    assert tables.place(block) is not None
    (found,) = tables.data
    cell, shown = block.cells[0][0], found["cells"][0]
    rows = small_run.rows(cell, block.validator)
    names = small_run.datasets[0].classes
    labels = np.array(rows["label"])
    at = found["headings"].index("accuracy")
    for name, count, *scores in shown["classes"]:
        mine = labels == names.index(name)
        assert count == mine.sum()
        right = np.array(rows["correct"])[mine].sum()
        assert scores[at][3] == f"{right} of {count}"
    values = [row[2 + found["headings"].index("PT")][0] for row in shown["classes"]]
    defined = [value for value in values if value is not None]
    assert defined == sorted(defined)
    assert values[: len(defined)] == defined


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    places = thin(10_001)
    assert len(places) == POINTS
    assert (places[0], places[-1]) == (0, 10_000)
    assert places == sorted(set(places))


def test_a_training_has_a_chart_for_each_score(small_run: RunRecord) -> None:
    charts = Charts()
    assert list(training_charts(small_run, charts))
    (curve,) = {one.key.finetuner: one for one in small_run.trainings}.values()
    values = [point["y"] for point in charts.specs[0]["data"]["values"]]
    assert values == [epoch.loss for epoch in curve.epochs]


def test_shifts_of_a_severity_have_a_map(small_run: RunRecord) -> None:
    block = next(iter(lay_out(small_run)))
    assert severity_maps(small_run, block, headings(small_run)) is None
    text = small_run.model_dump(mode="json")
    for at, severity in enumerate((3, 5)):
        cell = {**text["cells"][at]}
        cell["key"] = {**cell["key"], "finetuner": "zs"}
        cell["key"]["shift"] = {"family": "corruption", "type": "fog", "severity": severity}
        cell["key"]["attribution"] = "raw"
        text["cells"].append(cell)
    record = RunRecord.model_validate(text)
    block = next(iter(lay_out(record)))
    found = severity_maps(record, block, headings(record))
    assert found is not None
    assert '<th scope="row">fog</th>' in found
    assert '<th scope="col" class="number">3</th><th scope="col" class="number">5</th>' in found
