"""Scores by class and by group, read from a run: what the rows say, whatever their number."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

import rateval
from rateval.errors import RatevalError
from rateval.records.run import RunRecord

pytestmark = pytest.mark.usefixtures("acme")

Row = dict[str, Any]
METRICS: dict[str, Callable[[Row], tuple[bool, bool]]] = {
    "accuracy": lambda row: (row["correct"], True),
    "pt": lambda row: (
        row["correct"] and row["valid"],
        row["correct"] and row["mask_area"] is not None,
    ),
    "ir": lambda row: (
        row["correct"] and row["valid"],
        row["valid"] and row["mask_area"] is not None,
    ),
}


def run(**changes: Any) -> RunRecord:
    sites = [*(f"site {at % 3}" for at in range(11)), None]
    groups = {"site": sites, "patient": [f"p{at}" for at in range(60)]}
    spec: dict[str, Any] = {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares", "test": 60, "bare_every": 5, "groups": groups}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}],
        "evidence": [{"use": "relevance-mass", "threshold": 0.25}],
        "statistics": {"level": 0.9},
        "run": {"device": "cpu"},
    }
    return rateval.run(spec | changes)


def expect(rows: list[Row], metric: str) -> dict[str, Any]:
    """Return what a table says of some of the rows, by a loop."""
    counted = [METRICS[metric](row) for row in rows]
    n = sum(below for _, below in counted)
    k = sum(above and below for above, below in counted)
    found: dict[str, Any]
    found = {"count": len(rows), "numerator": k, "denominator": n, "low": None, "high": None}
    if n:
        z = float(stats.norm.ppf(0.95))
        half = z * sqrt(k * (n - k) / n + z * z / 4)
        ends = [(k + z * z / 2 + side * half) / (n + z * z) for side in (-1, 1)]
        found |= {"low": pytest.approx(ends[0]), "high": pytest.approx(ends[1])}
    return found | {"score": k / n if n else None}


def test_tables_equal_loops_over_rows_whatever_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record = run()
    (cell,) = record.cells
    rows = record.rows(cell).to_pylist()
    classes = record.datasets[0].classes
    for metric in METRICS:
        by_class = record.classes(cell, "relevance-mass", metric).to_pylist()
        assert by_class == [
            {"class": at, "name": name, "value": found.pop("score")} | found
            for at, name in enumerate(classes)
            for found in [expect([row for row in rows if row["label"] == at], metric)]
        ]
        by_group = record.groups(cell, None, metric).to_pylist()
        expected = [
            {"group": group, "value": value}
            | expect([row for row in rows if row[f"group:{group}"] == value], metric)
            for group in ("site", "patient")
            for value in sorted(
                {row[f"group:{group}"] for row in rows}, key=lambda one: (one is None, one)
            )
        ]
        assert by_group == expected
        assert len(by_group) == 4 + 60
        # The record leaves out the second group: it rather names the images.
        score = cell.evidence[0].score(metric)
        assert score is not None
        assert [len(group.slices) for group in score.groups] == [4, 0]
    assert record.classes(cell).equals(record.classes(cell, metric="accuracy"))


def test_no_group_has_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    record = run(dataset=[{"use": "squares"}])
    found = record.groups(record.cells[0])
    assert len(found) == 0
    assert found.column_names == [
        *("group", "value", "count", "numerator", "denominator", "score", "low", "high")
    ]


def test_what_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    record = run(dataset=[{"use": "squares"}])
    (cell,) = record.cells
    with pytest.raises(RatevalError, match=r"no score by mine on the verdicts by relevance-mass"):
        record.classes(cell, metric="mine")
    with pytest.raises(RatevalError, match=r"has no verdicts by mine, there are relevance-mass"):
        record.groups(cell, "mine")
    identity = cell.evidence[0].tables["accuracy"]
    shutil.rmtree(record.path.parent / "store" / "score" / identity)
    with pytest.raises(RatevalError, match="the stored result is gone; run the spec again"):
        record.classes(cell)


def test_a_run_of_an_older_version_says_to_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record = run()
    file = record.path / "run.json"
    content = json.loads(file.read_text())
    (evidence,) = content["cells"][0]["evidence"]
    del evidence["tables"]
    for score in evidence["scores"]:
        for part in (*score["classes"]["worst"], *score["areas"]):
            del part["value"], part["over"]
    file.write_text(json.dumps(content))
    old = rateval.load(record.path)
    with pytest.raises(RatevalError, match=r"holds no classes\.parquet of accuracy .* run the"):
        old.classes(old.cells[0])
    # All else is read as before, values of parts from their counts.
    for before, after in zip(record.cells[0].evidence, old.cells[0].evidence, strict=True):
        for one, other in zip(before.scores, after.scores, strict=True):
            assert one.classes == other.classes
            assert one.areas == other.areas


def test_scores_without_tables_are_made_anew_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a store that an older version filled: its scores have another identity."""
    monkeypatch.chdir(tmp_path)
    first = run()
    shutil.rmtree(first.path.parent / "store" / "score")
    again = run()
    done = {(stage.stage, stage.reused) for stage in again.stages}
    kept = ("finetune", "infer", "judge", "thresholds", "pictures")
    assert done == {*((stage, True) for stage in kept), ("score", False)}
    (cell,) = again.cells
    assert again.classes(cell).equals(first.classes(first.cells[0]))
