"""The maps of 19 types of a shift at five severities, in a page and in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rateval.records.run import RunRecord
from rateval.report.html.page import render

Open = Callable[..., Any]
TYPES = [f"type_of_noise_{at}" for at in range(19)]
SEVERITIES = (1, 2, 3, 4, 5)


def name(kind: str, severity: int | None) -> dict[str, Any]:
    return {"family": "corruption", "type": kind, "severity": severity}


def difference(metric: str, value: float) -> dict[str, Any]:
    ends = {"low": value - 0.05, "high": value + 0.05, "p": 0.01, "p_corrected": 0.02}
    return {"metric": metric, "value": value, "few": False, "over": "images", **ends}


def describe_type(kind: str, metrics: dict[str, str]) -> dict[str, Any]:
    shifted = [
        {
            "shift": name(kind, severity),
            "changes": [difference(metric, 0.02 - 0.03 * severity) for metric in metrics],
        }
        for severity in SEVERITIES
    ]
    scores = [
        {
            "metric": metric,
            "heading": heading,
            "clean": 0.5,
            "mean": 0.43,
            "change": difference(metric, -0.07),
            "trend": difference(metric, -0.12),
        }
        for metric, heading in metrics.items()
    ]
    return {
        "kind": name(kind, None),
        "group": "noise",
        "severities": SEVERITIES,
        "shifted": shifted,
        "scores": scores,
        "error": {"value": 1.1, "low": 1.0, "high": 1.2},
        "relative_error": {"value": None, "lacking": "why not"},
    }


@pytest.fixture(scope="module")
def shifted_run(small_run: RunRecord) -> RunRecord:
    """The small run with cells of 95 shifts and what they change, all made up."""
    text = small_run.model_dump(mode="json")
    clean = [cell for cell in text["cells"] if cell["key"]["attribution"] == "raw"]
    metrics = {s["metric"]: s["heading"] for s in clean[0]["evidence"][0]["scores"]}
    for cell in clean:
        for kind in TYPES:
            for severity in SEVERITIES:
                key = {**cell["key"], "shift": name(kind, severity)}
                text["cells"].append({**cell, "key": key})
    of = {"types": 19, "of": 19}
    text["shifts"] = [
        {
            "method": cell["key"],
            "family": "corruption",
            "validator": cell["evidence"][0]["validator"],
            "reference": clean[0]["key"],
            "types": [describe_type(kind, metrics) for kind in TYPES],
            "mean_error": {"value": 1.1, "low": 1.05, "high": 1.15, **of},
            "mean_relative_error": {"value": None, "lacking": "why not", "types": 0, "of": 19},
        }
        for cell in clean
    ]
    record = RunRecord.model_validate(text)
    record._path = small_run.path
    return record


@pytest.fixture(scope="module")
def page_file(shifted_run: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file: Path = tmp_path_factory.mktemp("shifted") / "report.html"
    file.write_text(render(shifted_run), encoding="utf-8")
    return file


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1400])
def test_maps_fit_and_say_changes_by_sign(
    open_page: Open, page_file: Path, width: int, dark: bool
) -> None:
    opened = open_page(page_file, width=width, dark=dark)
    page = opened.page
    assert opened.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    table = page.locator("table.severity").first
    heads = table.locator("thead th").all_inner_texts()
    assert heads == ["type", "none", "mean", *map(str, SEVERITIES)]
    rows = table.locator("tbody tr")
    assert rows.count() == len(TYPES)
    cells = rows.first.locator("td").all_inner_texts()
    assert [" ".join(cell.split()) for cell in cells][1] == "43.0 −7.0 ↓"
    assert ["↓" in cell for cell in cells[2:]] == [False, False, True, True, True]
    # All of a map is on the screen, or its region scrolls.
    region = page.locator(".maps .scroll").first
    inside = region.evaluate("(one) => [one.scrollWidth, one.clientWidth]")
    assert width < 1000 or inside[0] <= inside[1]


def test_shifted_rows_are_folded_and_a_share_is_a_door(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file).page
    assert page.locator("#scores table.scores tbody tr:visible").count() == 4
    fold = page.locator("#scores details", has_text="190 rows of shifted tests").first
    fold.locator("summary").click()
    assert fold.locator("tbody tr:visible").count() == 190
    page.evaluate(
        "document.addEventListener('rateval:filter', (event) => { window.heard = event.detail; })"
    )
    door = page.locator("table.severity [data-filter]").nth(1)
    door.click()
    assert page.evaluate("window.heard") == json.loads(door.get_attribute("data-filter"))
    assert page.evaluate("window.heard.cell").endswith("corruption type_of_noise_0 1 · raw")


def test_sentences_and_relative_errors_stand_below_the_maps(shifted_run: RunRecord) -> None:
    page = render(shifted_run)
    assert "PT falls with severity for noise (type_of_noise_0, " in page
    assert "mCE % of zs: lp 110.0 (105.0 to 115.0; 19 of 19 types)" in page
    assert "relative mCE % of zs: lp undefined (0 of 19 types)" in page
    assert "CE % of clip · zs, under corruption" in page
