"""A run with a grid of shifts, through the command line: terminal, page, JSON, table."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import rateval
from rateval.cli.main import main
from rateval.records.run import RunRecord

SPEC = """
[study]
name = "grid"
[[dataset]]
use = "squares"
test = 40
bare_every = 5
[[model]]
use = "tiny"
[[finetune]]
use = "zs"
[[finetune]]
use = "lp"
epochs = 2
[[attribution]]
use = "any-map"
[[evidence]]
use = "relevance-mass"
threshold = 0.25
[[shift]]
use = "haze"
name = "corruption"
type = ["grey", "white"]
severity = [1, 3, 5]
evidence = true
[run]
device = "cpu"
output = "runs"
"""


@pytest.fixture
def run(acme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunRecord:
    monkeypatch.chdir(tmp_path)
    Path("grid.toml").write_text(SPEC, encoding="utf-8")
    assert main(["run", "grid.toml"]) == 0
    return rateval.load(max(Path("runs").glob("grid-*")))


def test_what_a_run_with_shifts_says(
    run: RunRecord, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(run.path)
    groups = {kind.kind.type: kind.group for found in run.shifts for kind in found.types}
    assert groups == {"grey": "veil", "white": None}
    assert [found.method.finetuner for found in run.shifts] == ["zs", "lp"]
    assert {one.heading for one in run.shift_orders} == {"accuracy", "PT", "IR"}

    for width in ("80", "125"):
        monkeypatch.setenv("COLUMNS", width)
        capsys.readouterr()
        assert main(["report", folder]) == 0
        short = capsys.readouterr().out
        assert max(map(len, short.splitlines())) <= int(width)
        assert "squares  under corruption, mean over severities" in short
        assert "corruption grey 1" not in short
        assert "\n  grey " in short
        assert "rateval report --details" in short
        assert main(["report", folder, "--details"]) == 0
        whole = capsys.readouterr().out
        assert "against clean, by severity" in whole
        assert "CE % of tiny · zs, under corruption" in whole
        assert whole.count("\n") > short.count("\n")
    assert "corruption grey 1" in whole

    assert main(["report", folder, "--html", "page.html"]) == 0
    page = Path("page.html").read_text(encoding="utf-8")
    assert "<summary>12 rows of shifted tests</summary>" in page
    assert '<th scope="col" class="number">mean</th>' in page
    assert "Errors under corruption relative to those of tiny · zs" in page

    capsys.readouterr()
    assert main(["report", folder, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["shifts"] == [one.model_dump(mode="json") for one in run.shifts]
    assert len(told["shift_orders"]) == len(run.shift_orders)

    assert main(["export", folder, "--format", "csv", "--what", "shifts"]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    kinds = {line["what"] for line in lines}
    assert kinds == {"severity", "mean", "trend", "CE", "relative CE", "mCE", "relative mCE"}
    for found in run.shifts:
        for kind in found.types:
            for shifted in kind.shifted:
                for change in shifted.changes:
                    (line,) = [
                        line
                        for line in lines
                        if line["what"] == "severity"
                        and line["finetuner"] == found.method.finetuner
                        and line["shift"] == shifted.shift.text
                        and line["metric"] == change.metric
                    ]
                    assert float(line["difference"]) == change.value
                    assert line["shift_group"] == (kind.group or "")
    (mean,) = [line for line in lines if line["what"] == "mCE" and line["finetuner"] == "lp"]
    assert float(mean["value"]) == run.shifts[1].mean_error.value
    assert (mean["types"], mean["reference"]) == ("2", "zs")


def test_few_shifts_stay_in_the_table(
    acme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("grid.toml").write_text(SPEC.replace("[1, 3, 5]", "[1, 5]"), encoding="utf-8")
    monkeypatch.setenv("COLUMNS", "140")
    assert main(["run", "grid.toml"]) == 0
    printed = capsys.readouterr().out
    assert "corruption grey 1" in printed
    assert "mean over severities" in printed


@pytest.mark.parametrize(
    ("groups", "why"),
    [
        ('{"grey": 1}', "'grey' = 1 must map texts to texts that are not empty"),
        ('{"grey": " "}', "'grey' = ' ' must map texts to texts that are not empty"),
        ('["grey"]', "is list; it must map types to groups"),
        ('{"grey": "\\x1b[31m"}', "must hold no control characters (U+001B)"),
    ],
)
def test_groups_that_are_none_are_named(
    acme: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    groups: str,
    why: str,
) -> None:
    file = acme / "acme" / "parts.py"
    text = file.read_text(encoding="utf-8")
    assert '{"grey": "veil"}' in text
    file.write_text(text.replace('{"grey": "veil"}', groups), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    Path("grid.toml").write_text(SPEC, encoding="utf-8")
    assert main(["validate", "grid.toml"]) == 2
    printed = capsys.readouterr()
    told = " ".join((printed.out + printed.err).split())
    assert 'the shift "haze": HazeParams.type_groups' in told
    assert why in told
