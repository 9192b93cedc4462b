"""The page of compared runs: its numbers are those of the record, and its names are text."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import rateval
from rateval.records.compare import CompareRecord, MetricPairRecord
from rateval.records.run import RunRecord, load
from rateval.report.html.compared import units
from rateval.report.html.compared.page import render, write_folder
from rateval.report.html.gallery_maps import quantise

HOSTILE = "</script><script>document.title='owned'</script>"
QUOTED = "\"><img src=x onerror='alert(2)'>"


class Tables(HTMLParser):
    """The tables of a page: rows of texts, by caption."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.tags: list[str] = []
        self._caption, self._in = "", ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "caption":
            self._caption, self._in = "", "caption"
        elif tag == "tr":
            self.tables[self._caption].append([])
        elif tag in ("td", "th"):
            self._in = "cell"
            self.tables[self._caption][-1].append("")
        elif tag == "small" and self._in == "cell":
            self.tables[self._caption][-1][-1] += "|"

    def handle_endtag(self, tag: str) -> None:
        if tag == "caption":
            self.tables[self._caption] = []
        if tag in ("caption", "td", "th"):
            self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "caption":
            self._caption += data
        elif self._in == "cell":
            self.tables[self._caption][-1][-1] += data


def table_of(page: str, start: str) -> list[list[str]]:
    (found,) = (rows for caption, rows in Tables(page).tables.items() if caption.startswith(start))
    return found


def data_of(page: str, name: str) -> Any:
    found = re.search(f'<script type="application/json" id="{name}">(.*?)</script>', page, re.S)
    assert found is not None
    return json.loads(found[1])


def number(text: str) -> float:
    plain = text.replace("−", "-").replace("±", "").replace("+", "").replace("|", " ")
    return float(plain.split()[0])


def test_each_row_has_both_values_and_their_difference(compared: CompareRecord) -> None:
    rows = table_of(render(compared), "biased · generic-attention · by-mass")
    assert rows[0] == ["method", "accuracy", "PT", "IR", "units"]
    assert rows[1] == ["baseline %", "candidate %", "Δ"] * 3 + ["of both", "changed"]
    assert [row[0] for row in rows[2:]] == ["clip · zs", "clip · lp"]
    marked = 0
    for pair, (_, *cells) in zip(compared.pairs, rows[2:], strict=True):
        assert cells[-2:] == ["60", str(pair.moved)]
        for at, metric in enumerate(pair.metrics):
            before, after, change = cells[3 * at : 3 * at + 3]
            check_metric(metric, before, after, change)
            marked += "↑" in change or "↓" in change
    assert marked > 0  # else nothing here tells that arrows are drawn


def check_metric(metric: MetricPairRecord, before: str, after: str, change: str) -> None:
    for text, value in ((before, metric.baseline), (after, metric.candidate)):
        if value.value is None:
            assert text.startswith("–|")
            continue
        assert value.low is not None
        assert number(text) == pytest.approx(100 * value.value, abs=0.051)
        assert number(text.split("|")[1]) == pytest.approx(100 * value.low, abs=0.051)
    found = metric.difference
    if found is None:
        assert change == "undefined"
        return
    assert number(change) == pytest.approx(100 * (found.value or 0), abs=0.051)
    assert found.low is not None
    assert found.high is not None
    low, high = change.split("|")[1].split(" to ")
    assert number(low) == pytest.approx(100 * found.low, abs=0.051)
    assert number(high) == pytest.approx(100 * found.high, abs=0.051)
    assert ("↑" in change) == (found.low > 0)
    assert ("↓" in change) == (found.high < 0)


def test_accuracy_is_that_of_the_rows_of_both_runs(
    compared: CompareRecord, pair_runs: tuple[RunRecord, RunRecord]
) -> None:
    rows = table_of(render(compared), "biased · generic-attention")
    for place, run in enumerate(pair_runs):
        (cell,) = (cell for cell in run.cells if cell.key.finetuner == "lp")
        right = run.rows(cell).column("correct").to_pylist()
        share = 100 * sum(right) / len(right)
        assert number(rows[3][1 + place]) == pytest.approx(share, abs=0.051)


def test_transitions_and_units_are_those_of_the_record(compared: CompareRecord) -> None:
    page = render(compared)
    (at,) = (at for at, pair in enumerate(compared.pairs) if pair.moved)
    pair = compared.pairs[at]
    heads, *rows = table_of(page, "clip · lp on biased")
    assert heads == ["", "RR", "RW", "WR", "WW"]
    for before, *counts in rows:
        there = [pair.transitions.get(before, {}).get(after, 0) for after in heads[1:]]
        assert [int(count) for count in counts] == there
    listed = data_of(page, "changed-data")
    assert [row[:8] for row in listed["rows"]] == [
        [
            *(at, unit.seed, unit.id, unit.label, unit.baseline, unit.candidate),
            *(unit.baseline_prediction, unit.candidate_prediction),
        ]
        for unit in pair.changed
    ]
    assert listed["pairs"][at]["total"] == pair.moved == len(listed["rows"])
    assert "No unit changed its quadrant: clip · zs on biased" in page


def test_a_list_is_bounded_and_each_pair_gets_its_share(
    compared_seeds: CompareRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    lp = next(pair for pair in compared_seeds.pairs if pair.moved)
    twice = compared_seeds.model_copy(
        update={"pairs": (lp, lp.model_copy(update={"changed": lp.changed[:1]}))}
    )
    monkeypatch.setattr(units, "LISTED", 6)
    rows = units.changed_data(twice, ())["rows"]
    assert [row[0] for row in rows] == [0, 0, 0, 1]
    total = units.changed_data(twice, ())["pairs"][0]["total"]
    assert total == len(lp.changed) == round(lp.moved * 2)


def test_the_gallery_has_what_each_run_stored_of_the_same_units(
    compared: CompareRecord, pair_runs: tuple[RunRecord, RunRecord]
) -> None:
    data = data_of(render(compared), "gallery-data")
    (test,) = data["tests"]
    kept = [set(run.images(run.pictures[0]).column("id").to_pylist()) for run in pair_runs]
    ids = [image["id"] for image in test["images"]]
    assert set(ids) == kept[0] | kept[1]
    assert kept[0] != kept[1]  # else one run's pictures would do
    (moving,) = (pair for pair in compared.pairs if pair.moved)
    changed = {unit.id for unit in moving.changed}
    first = [name in changed for name in ids]
    assert first == sorted(first, reverse=True)
    assert all(image["data"] and image["mask"] for image in test["images"])
    assert [cell["partner"] for cell in data["cells"][:2]] == [2, 3]
    for cell in data["cells"]:
        whose = cell["label"].split(":")[0]
        run = pair_runs[whose == "candidate"]
        check_cell(cell, run, ids, cell["label"].split(": ")[1])


def check_cell(told: Any, run: RunRecord, ids: list[str], label: str) -> None:
    (cell,) = (cell for cell in run.cells if run.label(cell.key) == label)
    maps = run.relevance(cell)
    rows = {row["id"]: (at, row) for at, row in enumerate(run.rows(cell).to_pylist())}
    for place, name in enumerate(ids):
        at, row = rows[name]
        assert told["columns"]["prediction"][place] == row["prediction"]
        assert told["columns"]["map"][place] == quantise(maps[at])
        assert told["verdicts"]["by-mass"]["valid"][place] == row["valid"]
    assert told["quadrants"]["by-mass"] == cell.evidence[0].quadrants


def test_seeds_are_told_apart(compared_seeds: CompareRecord) -> None:
    page = render(compared_seeds)
    data = data_of(page, "gallery-data")
    assert [test["name"] for test in data["tests"]] == ["biased, seed 0", "biased, seed 1"]
    listed = data_of(page, "changed-data")
    (pair,) = (pair for pair in listed["pairs"] if pair["total"])
    assert pair["seeded"]
    assert {seed: door["test"] for seed, door in pair["doors"].items()} == {
        "0": "biased, seed 0",
        "1": "biased, seed 1",
    }
    kept = {
        seed: {image["id"] for image in test["images"]} for seed, test in enumerate(data["tests"])
    }
    assert all(row[8] == (row[2] in kept[row[1]]) for row in listed["rows"])
    assert any(row[8] for row in listed["rows"])
    moved = next(found.moved for found in compared_seeds.pairs if found.moved)
    shown = f"{moved:g}" if moved == int(moved) else f"{moved:.1f}"
    assert f"{shown} of 60 units changed, mean over 2 seeds" in page


def test_means_of_equal_seeds_are_whole(compared_seeds: CompareRecord) -> None:
    zs = next(pair for pair in compared_seeds.pairs if pair.candidate.finetuner == "zs")
    assert (zs.moved, zs.count) == (0, 60)
    assert isinstance(zs.moved, int)


def test_without_pictures_there_is_no_photo(compared: CompareRecord, tmp_path: Path) -> None:
    page = render(compared, pictures=False)
    data = data_of(page, "gallery-data")
    assert not any(test["images"] for test in data["tests"])
    assert "without any photo" in page
    write_folder(compared, tmp_path / "page")
    written = list((tmp_path / "page" / "pictures").iterdir())
    assert len(written) == len(data_of(render(compared), "gallery-data")["tests"][0]["images"])
    beside = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert "img-src data: &#x27;self&#x27; file:" in beside
    assert "without any photo" not in beside
    write_folder(compared, tmp_path / "page", pictures=False)
    assert not list((tmp_path / "page" / "pictures").iterdir())


def test_runs_that_are_gone_leave_the_numbers(
    compared: CompareRecord, pair_runs: tuple[RunRecord, RunRecord]
) -> None:
    gone = compared.runs[1].model_copy(update={"path": "/nowhere/at-all"})
    page = render(compared.model_copy(update={"runs": (compared.runs[0], gone)}))
    assert "There is no gallery: /nowhere/at-all" in page
    assert table_of(page, "biased")[2:] == table_of(render(compared), "biased")[2:]
    assert pair_runs[0].environment.processor not in page
    assert pair_runs[0].environment.processor in render(compared)


def test_each_run_keeps_its_own_view(compared: CompareRecord) -> None:
    pairs = [pair.model_copy(update={"other_view": "as told"}) for pair in compared.pairs]
    page = render(compared.model_copy(update={"pairs": tuple(pairs)}))
    (test,) = data_of(page, "gallery-data")["tests"]
    sides = [(image, image["other"]) for image in test["images"]]
    assert any("data" in ours and "data" not in theirs for ours, theirs in sides)
    assert any("data" in theirs and "data" not in ours for ours, theirs in sides)
    bare = next(ours for ours, _ in sides if "data" not in ours)
    assert "another view" in bare["undefined"]
    assert bare["mask"] is None
    assert "the views differ, as told" in page


def test_what_was_not_compared_is_told_with_why(compared: CompareRecord) -> None:
    pair = compared.pairs[1].model_copy(
        update={
            "left_out": {"own": "its file <changed>"},
            "only_baseline": 7,
            "unpaired": ((3,), ()),
        }
    )
    page = render(
        compared.model_copy(
            update={
                "pairs": (compared.pairs[0], pair),
                "alone": ("runs/a: clip · <ft>",),
                "left_out": ("no metric & no reason",),
            }
        )
    )
    for text in (
        "own left out: its file &lt;changed&gt;",
        "7 units are in the baseline only, 0 in the candidate only",
        "seeds of the candidate alone: 3",
        "runs/a: clip · &lt;ft&gt;",
        "no metric &amp; no reason",
        "1 comparison of what pairs up could not be made",
    ):
        assert text in page, text


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> Callable[[], Any]:
    monkeypatch.chdir(tmp_path)

    def run(output: str, epochs: int) -> RunRecord:
        spec = {
            "study": {"name": "tiny"},
            "dataset": [{"use": "squares", "name": QUOTED, "test": 24}],
            "model": [{"use": "tiny", "name": HOSTILE}],
            "finetune": [{"use": "ft", "epochs": epochs, "lr": 0.003, "batch_size": 8}],
            "evidence": [{"use": "relevance-mass", "name": "<b>mass</b>", "threshold": 0.25}],
            "report": {"pictures": 10},
            "run": {"device": "cpu", "output": output},
        }
        return rateval.run(spec)

    return lambda: rateval.compare(run("a<i>", 1), run("b", 3), changed=None)


def test_names_are_text(hostile: Callable[[], CompareRecord]) -> None:
    record = hostile().model_copy(update={"left_out": ("turned \u202e around",)})
    page = render(record)
    bare = re.sub(r"<(script|style)\b[^>]*>.*?</\1>", "", page, flags=re.S)
    assert not {"img", "i", "b"} & set(Tables(page).tags)
    assert Tables(page).tags.count("script") == page.count("<script") == page.count("</script>")
    assert "\u202e" not in bare
    assert "turned \\u202e around" in bare
    assert "&lt;/script&gt;&lt;script&gt;" in bare
    assert data_of(page, "gallery-data")["tests"][0]["name"] == QUOTED
    fragment = record._repr_html_()
    assert fragment is not None
    assert not {"script", "style", "img", "b", "i"} & set(Tables(fragment).tags)


def test_three_runs_are_told_apart(
    compared: CompareRecord, pair_runs: tuple[RunRecord, RunRecord], tmp_path: Path
) -> None:
    before, after = pair_runs
    record = rateval.compare(before, after, before, changed=None)
    page = render(record)
    rows = table_of(page, "biased · generic-attention · by-mass")
    assert [row[0] for row in rows[2:]] == ["clip · zs (1)", "clip · lp (1)"]
    data = data_of(page, "gallery-data")
    assert [test["name"] for test in data["tests"]] == [
        "biased, candidate 1",
        "biased, candidate 2",
    ]
    assert {found["name"] for found in data["validators"]} == {"by-mass", "mass"}


def test_a_record_from_elsewhere_is_the_same(
    pair_runs: tuple[RunRecord, RunRecord], tmp_path: Path
) -> None:
    copied = [
        load(shutil.copytree(run.path.parent, tmp_path / run.study) / run.path.name)
        for run in pair_runs
    ]
    one, two = render(rateval.compare(*pair_runs)), render(rateval.compare(*copied))
    assert data_of(one, "gallery-data")["cells"] == data_of(two, "gallery-data")["cells"]
