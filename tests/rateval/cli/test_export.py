"""``rateval export``: what makes no sense is said at once, and nothing is replaced unasked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rateval as package
from rateval.cli.main import main
from rateval.records.run import RunRecord


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path, capsys: pytest.CaptureFixture[str]
) -> RunRecord:
    monkeypatch.chdir(tmp_path)
    record: RunRecord = package.run(
        {
            "study": {"name": "tiny"},
            "dataset": [{"use": "squares"}],
            "model": [{"use": "tiny"}],
            "finetune": [{"use": "zs"}],
            "run": {"device": "cpu"},
        }
    )
    capsys.readouterr()
    return record


def fail(run: RunRecord, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["export", str(run.path), *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.removeprefix("error: ").splitlines()


def test_everything_that_makes_no_sense_is_said(
    run: RunRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(run, capsys, "--format", "csvv") == [
        '--format csvv: no such format; did you mean "csv"?'
    ]
    assert fail(run, capsys, "--format", "parquet", "--what", "cell") == [
        '--what cell: there is no such table; did you mean "cells"?',
        "--output: parquet is not text; name a file",
    ]
    assert fail(run, capsys, "--format", "latex", "--what", "rows") == [
        "--what rows: latex prints cells, comparisons, transitions; take --format csv, json or "
        "parquet for rows"
    ]
    assert fail(run, capsys, "--format", "coco", "--what", "rows") == [
        "--what rows: coco holds one thing only; leave it out, or take --format csv",
        "--output: coco is not text; name a folder",
    ]
    asked = ("--cell", "tiny · zz on squares", "--validator", "mass")
    cell, validator = fail(run, capsys, "--format", "csv", *asked)
    assert cell.endswith(
        'no cell of this run has such a label; did you mean "tiny · zs on squares"?'
    )
    assert validator.startswith("--validator mass: no validator of this run has this label; ")


def test_what_is_there_stays_without_force(
    run: RunRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cells.csv"
    path.write_text("mine")
    asked = ("--format", "csv", "--output", str(path))
    assert fail(run, capsys, *asked) == [
        f"--output {path}: exists; name another place, or add --force"
    ]
    assert path.read_text() == "mine"
    assert main(["export", str(run.path), *asked, "--force"]) == 0
    assert path.read_text().startswith("dataset,model,")
    assert capsys.readouterr().err == f"wrote  {path}\n"
    folder = tmp_path / "full"
    folder.mkdir()
    (folder / "x").touch()
    assert fail(run, capsys, "--format", "coco", "--output", str(folder)) == [
        f"--output {folder}: has files in it; name another place, or add --force"
    ]
    assert fail(run, capsys, "--format", "csv", "--output", str(folder), "--force")[0].startswith(
        f"--output {folder}: is a folder; name a file"
    )
    assert fail(run, capsys, "--format", "coco", "--output", str(path), "--force") == [
        f"--output {path}: is a file; this format writes a folder, name another"
    ]


def test_a_failed_export_leaves_nothing(
    run: RunRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cell,) = run.cells
    (tmp_path / "runs/store/judge" / cell.evidence[0].identity / "rows.parquet").unlink()
    path = tmp_path / "out" / "rows.csv"
    (line,) = fail(run, capsys, "--format", "csv", "--what", "rows", "--output", str(path))
    assert "rows.parquet: is missing" in line
    assert not path.exists() and not list(tmp_path.glob("out/.*"))


def test_a_place_that_cannot_be_written_to(
    run: RunRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "cells.csv"
    (line,) = fail(run, capsys, "--format", "csv", "--output", str(path))
    assert line.startswith(f"--output {path}: cannot be written to: ")


@pytest.mark.parametrize("what", ["cells", "comparisons", "transitions", "shifts", "rows"])
def test_text_is_printed(run: RunRecord, capsys: pytest.CaptureFixture[str], what: str) -> None:
    assert main(["export", str(run.path), "--format", "json", "--what", what]) == 0
    printed = capsys.readouterr()
    assert isinstance(json.loads(printed.out), list) and printed.err == ""
