"""``rateval runs``: what is listed of runs, from their records and locks alone."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rateval as package
from rateval.engine.keeping import runs as reading
from rateval.records.run import RunRecord
from rateval.store.store import Store

Rateval = Callable[..., Any]


def listed(rateval: Rateval, *more: str) -> dict[str, Any]:
    done = rateval("runs", "--json", *more)
    assert (done.code, done.err) == (0, "")
    return {run["name"]: run for run in json.loads(done.out)["runs"]}


def change(folder: Path, **values: Any) -> None:
    file = folder / "run.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | values))


def sizes(*paths: Path) -> int:
    files = (file for path in paths for file in path.rglob("*") if file.is_file())
    return sum(file.stat().st_size for file in files)


def test_a_finished_run_is_listed_with_what_it_takes(rateval: Rateval, small: RunRecord) -> None:
    done = rateval("runs")
    assert done.code == 0
    (row,) = (line for line in done.out.splitlines() if line.startswith(small.path.name))
    assert row.split()[1:3] == ["finished", "1/1"]
    assert all(len(line) <= 80 for line in done.out.splitlines()[:3])
    (run,) = listed(rateval).values()
    named = [Path("runs/store") / one.stage / one.identity for one in small.stages]
    stored = sizes(*(path for path in named if path.is_dir()))
    assert run["bytes"] == {"own": sizes(small.path), "results": stored, "alone": stored}
    assert (run["state"], run["cells"], run["planned"], run["failures"]) == ("finished", 1, 1, 0)
    assert run["started"] == small.started
    assert rateval("runs", "--plain").out.isascii()


def test_results_that_two_runs_name_are_of_neither_alone(
    rateval: Rateval, small: RunRecord
) -> None:
    other = package.score(small.path, threshold=0.9)
    found = listed(rateval)
    judged = [one for one in other.stages if not one.reused and one.stage != "pictures"]
    alone = sizes(*(Path("runs/store") / one.stage / one.identity for one in judged))
    assert found[other.path.name]["bytes"]["alone"] == alone > 0
    assert next(iter(found)) == max(found, key=lambda name: found[name]["started"])
    shared = found[small.path.name]["bytes"]
    assert 0 < shared["alone"] < shared["results"]


def test_a_killed_run_is_dead_and_one_whose_lock_is_held_goes_on(
    rateval: Rateval, killed: Path
) -> None:
    assert listed(rateval)[killed.name]["state"] == "dead"
    out = rateval("runs").out
    assert f"not finished: {killed.name}: rateval runs resume" in out
    locks = set(Path("runs/store/.locks").glob("*"))  # none where the run is a copy
    with Store(Path("runs/store")).owning(killed):
        assert listed(rateval)[killed.name]["state"] == "running"
    assert listed(rateval)[killed.name]["state"] == "dead"
    assert set(Path("runs/store/.locks").glob("*")) <= locks


def test_a_run_that_has_only_begun_is_listed(rateval: Rateval, small: RunRecord) -> None:
    begun = Path("runs/small-20300101-000000")
    begun.mkdir()
    assert begun.name not in listed(rateval)
    with Store(Path("runs/store")).owning(begun):
        assert listed(rateval)[begun.name]["state"] == "running"


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_how_a_run_ended_and_what_failed(rateval: Rateval, small: RunRecord, status: str) -> None:
    failure = {"stage": "judge", "label": "x", "error": "boom", "cells": []}
    change(small.path, status=status, failures=[failure], cells=[])
    (run,) = listed(rateval).values()
    assert (run["state"], run["failures"], run["cells"], run["planned"]) == (status, 1, 0, 1)
    assert f"{status} (1)" in rateval("runs").out


def test_where_there_are_no_locks_nobody_is_called_dead(
    rateval: Rateval, small: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(small.path, status="running")
    monkeypatch.setattr(reading, "has_locks", lambda _: False)
    assert listed(rateval)[small.path.name]["state"] == "running or dead"
    assert "running?" in rateval("runs").out


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b'{"format": 6, "study"', "was cut or changed"),
        (b"[1, 2]", "is no run's record"),
        (b'{"format": 6}', "is no run's record"),
        (b'{"format": 99}', "install the version of rateval"),
        (b'{"format": 3}', "run its spec again"),
        (b'{"format": 6, "status": "odd", "cells": []}', "is no run's record"),
        (b"\xff\xfe{}", "was cut or changed"),
    ],
)
def test_an_unreadable_run_is_listed_with_why(
    rateval: Rateval, tmp_path: Path, content: bytes, why: str
) -> None:
    run = tmp_path / "runs" / "broken"
    run.mkdir(parents=True)
    (run / "run.json").write_bytes(content)
    found = listed(rateval)["broken"]
    assert found["state"] == "unreadable"
    assert why in found["why"]
    assert why in " ".join(rateval("runs").out.split())


def test_a_record_that_is_no_file_is_unreadable(rateval: Rateval, tmp_path: Path) -> None:
    (tmp_path / "runs" / "folder" / "run.json").mkdir(parents=True)
    (tmp_path / "runs" / "pipe").mkdir()
    os.mkfifo(tmp_path / "runs" / "pipe" / "run.json")
    found = listed(rateval)
    assert {run["state"] for run in found.values()} == {"unreadable"}
    assert found.keys() == {"folder", "pipe"}


def test_foreign_files_and_folders_are_no_runs(rateval: Rateval, small: RunRecord) -> None:
    Path("runs/notes.txt").write_text("mine")
    Path("runs/mine").mkdir()
    Path("runs/store/README").write_text("mine")
    Path("runs/link").symlink_to("nowhere")
    assert list(listed(rateval)) == [small.path.name]


def test_a_folder_that_is_not_there_or_empty(rateval: Rateval, tmp_path: Path) -> None:
    done = rateval("runs")
    assert done.code == 2
    assert "--output FOLDER" in done.err
    (tmp_path / "runs").mkdir()
    done = rateval("runs")
    assert (done.code, done.out) == (0, "runs: holds no run; make one with: rateval run SPEC\n")
    assert rateval("runs", "prunee").code == 2


def test_a_name_that_does_not_tell_the_study_has_it_below(
    rateval: Rateval, small: RunRecord
) -> None:
    small.path.rename("runs/renamed")
    lines = rateval("runs").out.splitlines()
    (at,) = (at for at, line in enumerate(lines) if line.startswith("renamed"))
    assert lines[at + 1].strip() == "small"


def test_a_thousand_runs_are_listed_without_opening_a_result(
    rateval: Rateval, small: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1000):
        shutil.copytree(small.path, f"runs/small-copy-{number:04}")
    read: list[str] = []
    real = Path.read_bytes

    def note(path: Path) -> bytes:
        read.append(path.name)
        return real(path)

    def forbid(*_: object, **__: object) -> None:
        raise AssertionError("a result was opened")

    monkeypatch.setattr(Path, "read_bytes", note)
    monkeypatch.setattr("hashlib.file_digest", forbid)
    monkeypatch.setattr(Path, "read_text", forbid)
    found = listed(rateval)
    assert len(found) == 1001
    assert sorted(read) == ["run.json"] * 1001 + ["steps.jsonl"] * 1001
    assert {run["bytes"]["alone"] for run in found.values()} == {0}
