"""The page's words and numbers, its bound, and how it is written at the end of a run."""

from __future__ import annotations

import html
import importlib.util
import json
import re
from itertools import combinations
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest

import rateval
from rateval.errors import RatevalError
from rateval.records.run import RunRecord
from rateval.records.scores.comparisons import ComparisonRecord
from rateval.records.step import FailureRecord
from rateval.report.html import page as module
from rateval.report.html.document import BUDGET
from rateval.report.html.page import render, write_at_end, write_folder

ROOT = Path(__file__).parents[4]


def data(page: str, name: str) -> Any:
    (found,) = re.findall(
        rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL
    )
    return json.loads(found)


def test_numbers_and_intervals_are_the_records(small_run: RunRecord) -> None:
    page = render(small_run)
    for cell in small_run.cells:
        for evidence in cell.evidence:
            for score in evidence.scores:
                if score.value.value is None:
                    continue
                assert score.value.low is not None
                assert score.value.high is not None
                value = f"{100 * score.value.value:.1f}"
                ends = f"{100 * score.value.low:.1f} to {100 * score.value.high:.1f}"
                assert f"{value}<small>{ends}</small>" in page
            for quadrant, count in evidence.quadrants.items():
                named = {"cell": small_run.label(cell.key), "quadrant": quadrant}
                assert _doors(page, named) == ([f"{count:,}"] if count else [])


def _doors(page: str, named: dict[str, str]) -> list[str]:
    found = re.findall(r'<button[^>]*class="door" data-filter="([^"]*)"[^>]*>([^<]*)<', page)
    return [
        text for given, text in found if named.items() <= json.loads(html.unescape(given)).items()
    ]


def test_transitions_are_those_of_the_record(small_run: RunRecord) -> None:
    tests = data(render(small_run), "chart-data")["transitions"]
    assert len(tests) == 2  # one for each explainer
    for test, comparison in zip(tests, small_run.comparisons, strict=True):
        ((against, method, counts),) = test["pairs"]
        assert test["rows"][against]["cell"] == small_run.label(comparison.against)
        assert test["rows"][method]["cell"] == small_run.label(comparison.method)
        names = ("RR", "RW", "WR", "WW")
        expected = [
            comparison.transitions.get(one, {}).get(other, 0) for one in names for other in names
        ]
        assert counts == expected
        assert sum(counts) == comparison.count


def test_hostile_names_are_text(hostile_run: RunRecord) -> None:
    page = render(hostile_run)
    assert 'document.title="owned"</script>' not in page
    assert "\x1b" not in page
    assert "&lt;/script&gt;&lt;script&gt;document.title=&quot;owned&quot;" in page
    assert "\\x1b[31m" in page
    assert page.count("<!--") == 0


def test_what_is_undefined_says_so(small_run: RunRecord) -> None:
    text = small_run.model_dump(mode="json")
    score = text["cells"][0]["evidence"][0]["scores"][1]
    score["value"] |= {"value": None, "low": None, "high": None, "numerator": 0, "denominator": 0}
    record = RunRecord.model_validate(text)
    record._path = small_run.path
    page = render(record)
    assert "–<small>0 of 0</small>" in page
    assert "is undefined" in page
    assert "NaN" not in re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)


def test_a_page_without_photos_leaves_none_beside_it(small_run: RunRecord, tmp_path: Path) -> None:
    folder = tmp_path / "my page ☃"
    write_folder(small_run, folder)
    written = {file.name for file in (folder / "pictures").iterdir()}
    assert len(written) > 40
    write_folder(small_run, folder)
    assert {file.name for file in (folder / "pictures").iterdir()} == written
    (folder / "pictures" / "notes.txt").write_text("somebody's own")
    write_folder(small_run, folder, pictures=False)
    assert [file.name for file in (folder / "pictures").iterdir()] == ["notes.txt"]
    assert "without any photo" in (folder / "index.html").read_text(encoding="utf-8")


def test_photos_of_no_known_page_are_not_left_beside_one_without(
    small_run: RunRecord, tmp_path: Path
) -> None:
    photo = tmp_path / "pictures" / "0-1.webp"
    photo.parent.mkdir()
    photo.write_bytes(b"somebody's own")
    with pytest.raises(RatevalError, match="pictures: holds photos"):
        write_folder(small_run, tmp_path, pictures=False)
    assert photo.read_bytes() == b"somebody's own"
    assert not (tmp_path / "index.html").exists()


def test_one_failure_is_one(small_run: RunRecord) -> None:
    failure = FailureRecord(stage="infer", label="zs", error="no room", cells=())
    page = render(small_run.model_copy(update={"failures": (failure,)}))
    assert " · 1 failure · " in page


def test_what_ended_a_run_is_told(small_run: RunRecord) -> None:
    ended = {"status": "interrupted", "error": "stopped by <b>Ctrl-C</b>"}
    assert "stopped by &lt;b&gt;Ctrl-C" in render(small_run.model_copy(update=ended))


def test_what_is_not_compared_has_no_empty_columns_or_charts(small_run: RunRecord) -> None:
    alone = small_run.model_copy(
        update={"cells": small_run.cells[:1], "planned": small_run.planned[:1], "comparisons": ()}
    )
    assert not small_run.cells[0].trained
    page = render(alone)
    assert "Accuracy against" in render(small_run)
    assert "Accuracy against" not in page
    assert "<th>Δ zs" not in re.sub(r' (scope|class)="[^"]*"', "", page)
    assert "<th>Δ zs" in re.sub(r' (scope|class)="[^"]*"', "", render(small_run))


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("made_up", ROOT / "benchmarks" / "report.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize("shape", ["one table", "many tables", "seeds", "failures"])
def test_a_page_is_bounded_whatever_the_study(
    benchmark: ModuleType, shape: str, tmp_path: Path
) -> None:
    record = benchmark.record(shape, 2000)
    record._path = tmp_path
    page = render(record)
    assert len(page.encode()) < BUDGET


def test_fifty_cells_of_fifty_thousand_images_are_one_page(many: RunRecord) -> None:
    page = render(many)
    assert len(page.encode()) <= BUDGET
    assert len(data(page, "gallery-data")["cells"]) == 50
    assert "with photos of test images" in page


def test_many_classes_and_pairs_and_curves_are_bounded(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record = benchmark.record("one table", 50)
    keys = [cell.key for cell in record.cells]
    names = ("RR", "RW", "WR", "WW")
    counts = {one: dict.fromkeys(names, 3125) for one in names}  # 50,000 images
    pairs = tuple(
        ComparisonRecord(
            method=method,
            against=against,
            validator="relevance-mass",
            count=50_000,
            transitions=counts,
            differences=(),
        )
        for against, method in combinations(keys, 2)
    )
    record = record.model_copy(update={"comparisons": pairs})
    record._path = tmp_path
    classes = pa.table(
        {
            "name": [f"a class of a long name {at}" for at in range(1000)],
            "count": [50] * 1000,
            "numerator": list(range(1000)),
            "denominator": [1000] * 1000,
            "value": [at / 1000 for at in range(1000)],
            "low": [0.1] * 1000,
            "high": [0.9] * 1000,
        }
    )
    steps = range(1002)
    thresholds = pa.table(
        {"threshold": [at / 1001 for at in steps], "correct": [*steps], "wrong": [*steps]}
        | {f"{name}_total": [50_000] * 1002 for name in ("correct", "others", "centre", "uniform")}
        | {name: [*steps] for name in ("others", "centre", "uniform")}
    )
    monkeypatch.setattr(RunRecord, "classes", lambda *_: classes)
    monkeypatch.setattr(RunRecord, "thresholds", lambda *_: thresholds)
    page = render(record)
    drawn = data(page, "chart-data")
    assert sum(len(pairs["pairs"]) for pairs in drawn["transitions"]) == len(pairs)
    assert len(drawn["classes"][0]["cells"]) > 1
    assert len(page.encode()) < BUDGET / 2  # the rest is the gallery's


def test_the_end_of_a_run_writes_the_page_where_it_is_asked_for(
    small_run: RunRecord, tmp_path: Path
) -> None:
    warned: list[str] = []
    asked = small_run.model_copy(update={"spec_resolved": {"report": {"html": True}}})
    for record, there in ((small_run, False), (asked, True)):
        record = record.model_copy()
        record._path = tmp_path
        write_at_end(record, warned.append)
        assert (tmp_path / "report.html").is_file() is there
    assert warned == []


def test_a_page_that_fails_costs_no_run(
    small_run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(record: RunRecord, path: Path) -> None:
        raise ZeroDivisionError("no chart")

    monkeypatch.setattr(module, "write_page", fail)
    warned: list[str] = []
    asked = small_run.model_copy(update={"spec_resolved": {"report": {"html": True}}})
    asked._path = small_run.path
    write_at_end(asked, warned.append)
    (warning,) = warned
    assert "report.html: the page of this run could not be written" in warning
    assert "ZeroDivisionError: no chart" in warning


def test_a_spec_that_asks_for_it_gets_a_page(tmp_path: Path) -> None:
    record = rateval.run(
        {
            "study": {"name": "with-a-page"},
            "dataset": [{"use": "shapes", "train_size": 0, "test_size": 8}],
            "model": [{"use": "clip"}],
            "finetune": [{"use": "zs"}],
            "report": {"html": True, "pictures": 0},
            "run": {"device": "cpu", "output": str(tmp_path)},
        }
    )
    page = (record.path / "report.html").read_text(encoding="utf-8")
    assert "with-a-page: right for the right reasons?" in page
    assert "without any photo" in page
