"""A record in a notebook: its tables below a cell, its page in a frame, nothing that runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import rateval
from rateval.api import RunRecord
from rateval.errors import RatevalError
from rateval.records import presenting
from rateval.report.html import fragment
from rateval.report.html.page import render

HOSTILE = "<script>alert(1)</script>"
QUOTED = "\"><img src=x onerror='alert(2)'>"


class Parsed(HTMLParser):
    """Elements with their attributes, and the text of each cell."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.cells: list[str] = []
        self.words = ""
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")
        if tag in ("td", "th"):
            self.cells.append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.words += data
        if self._in_cell:
            self.cells[-1] += data


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> Callable[..., RunRecord]:
    monkeypatch.chdir(tmp_path)

    def call(**names: str) -> RunRecord:
        spec = {
            "study": {"name": "tiny"},
            "dataset": [{"use": "squares", "name": names.get("dataset", "squares")}],
            "model": [{"use": "tiny", "name": names.get("model", "tiny")}],
            "finetune": [{"use": "zs"}, {"use": "zs", "name": "again"}],
            "run": {"device": "cpu", "output": names.get("output", "runs")},
        }
        return rateval.run(spec)

    return call


def html_of(record: RunRecord) -> str:
    text = record._repr_html_()
    assert text is not None
    return text


def test_its_numbers_are_those_of_the_counts(run: Callable[..., RunRecord]) -> None:
    record = run()
    found = Parsed(html_of(record))
    evidence = record.cells[0].evidence[0]
    counts = evidence.quadrants
    right = counts["RR"] + counts["RW"]
    accuracy = 100 * right / sum(counts.values())
    at = found.cells.index("zs")
    heads = found.cells[: found.cells.index("tiny")]
    assert heads[:3] == ["model", "method", "accuracy %"]
    value, interval = found.cells[at + 1].split(" ", 1)
    assert float(value) == pytest.approx(accuracy, abs=0.05)
    low, high = map(float, interval.split(" to "))
    assert low <= accuracy <= high
    assert "test images" in found.words


def test_names_are_text(run: Callable[..., RunRecord]) -> None:
    # A study's name can't be such, but what lies on disk may say anything.
    text = html_of(run(model=HOSTILE, dataset=QUOTED).model_copy(update={"study": HOSTILE}))
    found = Parsed(text)
    assert not {"script", "style", "img", "iframe"} & set(found.tags)
    assert not any(name.startswith("on") for name in found.attributes)
    assert HOSTILE in found.cells
    assert QUOTED in found.words
    # It takes the notebook's own colours, light or dark.
    assert not any("color" in style for style in found.attributes["style"])


def test_a_record_from_disk_shows_the_same(run: Callable[..., RunRecord]) -> None:
    record = run()
    assert html_of(rateval.load(record.path)) == html_of(record)
    code = f"import rateval; print(rateval.load({str(record.path)!r})._repr_html_())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip("\n") == html_of(record)


def test_it_links_to_a_page_beside_it(run: Callable[..., RunRecord]) -> None:
    record = run(output="my runs#1")
    assert "href" not in Parsed(html_of(record)).attributes
    assert "record.show()" in html_of(record)
    (record.path / "report.html").write_text("")
    (link,) = Parsed(html_of(record)).attributes["href"]
    assert link == f"my%20runs%231/{record.path.name}/report.html"


def test_a_record_without_a_folder_shows_its_tables(run: Callable[..., RunRecord]) -> None:
    record = run()
    alone = RunRecord.model_validate(record.model_dump())
    assert "this record was not saved" in html_of(alone)
    assert Parsed(html_of(alone)).cells == Parsed(html_of(record)).cells


def test_rows_are_bounded(run: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    record = run()
    monkeypatch.setattr(fragment, "ROWS_SHOWN", 1)
    found = Parsed(html_of(record))
    assert "again" not in found.cells
    assert "1 more rows stand in the report" in found.words


def test_a_failure_is_told(run: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rateval.stages.judge.judge_batch", _fail)
    record = run()
    assert record.failures
    found = Parsed(html_of(record))
    assert f"no judge {HOSTILE}" in found.words
    assert "failed" in found.words
    assert "script" not in found.tags


def _fail(*given: object) -> None:
    raise RatevalError(f"no judge {HOSTILE}")


def test_elsewhere_the_report_is_printed(
    run: Callable[..., RunRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    record = run()
    capsys.readouterr()
    record.show()
    printed = capsys.readouterr().out
    assert printed.startswith("tiny  finished")
    assert f"rateval report {record.path}" in printed


def pretend_ipython(monkeypatch: pytest.MonkeyPatch, **of_shell: object) -> list[Any]:
    """Let this process look like one of IPython; return what is displayed in it."""
    shown: list[Any] = []
    module, display = ModuleType("IPython"), ModuleType("IPython.display")
    module.get_ipython = lambda: SimpleNamespace(**of_shell)  # type: ignore[attr-defined]
    display.display = shown.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shown


def test_in_a_notebook_the_page_is_shown(
    run: Callable[..., RunRecord],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = run().model_copy(update={"study": HOSTILE})
    shown = pretend_ipython(monkeypatch, kernel=object())
    record.show()
    assert capsys.readouterr().out == ""
    (frame,) = shown
    found = Parsed(frame._repr_html_())
    assert found.tags == ["iframe"]
    assert found.attributes["srcdoc"] == [render(record)]
    assert found.attributes["sandbox"] == ["allow-scripts"]
    assert HOSTILE in unescape(found.attributes["title"][0])


def test_in_ipythons_shell_it_is_printed(
    run: Callable[..., RunRecord],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = run()
    shown = pretend_ipython(monkeypatch)
    capsys.readouterr()
    record.show()
    assert not shown
    assert capsys.readouterr().out.startswith("tiny  finished")


def test_alone_a_record_knows_no_report(
    run: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = run()
    monkeypatch.setattr(presenting, "_HANDED_IN", {})
    assert record._repr_html_() is None
    with pytest.raises(RatevalError, match="import rateval"):
        record.show()


def test_runs_that_are_compared_show_themselves(
    run: Callable[..., RunRecord],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = rateval.compare(run(dataset=QUOTED), run(dataset=QUOTED, output="others"))
    text = record._repr_html_()
    assert text is not None
    found = Parsed(text)
    assert not {"script", "style", "img", "iframe"} & set(found.tags)
    assert not any("color" in style for style in found.attributes["style"])
    assert found.cells[:4] == ["method", "accuracy %, baseline", "candidate", "Δ"]
    accuracy = record.pairs[0].metric("accuracy")
    assert accuracy is not None
    assert accuracy.baseline.value is not None
    at = found.cells.index("tiny · zs")
    value, _ = found.cells[at + 1].split(" ", 1)
    assert float(value) == pytest.approx(100 * accuracy.baseline.value, abs=0.051)
    assert found.cells[at + 3].startswith("±0.0 ")
    assert f"baseline: {record.runs[0].path}" in found.words
    capsys.readouterr()
    record.show()
    assert "candidate minus baseline" in capsys.readouterr().out
    shown = pretend_ipython(monkeypatch, kernel=object())
    record.show()
    (frame,) = shown
    (page,) = Parsed(frame._repr_html_()).attributes["srcdoc"]
    assert "<h1>Runs side by side</h1>" in page
