"""A study's trackers are told of its beginning and end; one that fails costs nobody a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rateval as package
from rateval.errors import RatevalError

Rateval = Callable[..., Any]

TRACKER = '''
import json
from pathlib import Path
from rateval.api import Params, RatevalError


class NotingParams(Params):
    """What it does."""

    fails: str = ""
    """Where it fails."""
    file: str
    """What it notes to."""


class Noting:
    def __init__(self, params):
        self._params = params

    def start(self, plan):
        self._note({"study": plan.study, "cells": len(plan.keys)})
        if self._params.fails == "start":
            raise ValueError("no such place")

    def finish(self, record, page):
        text = None if page is None else page.read_text("utf-8")[:15]
        own = page is not None and page.parent == record.path
        self._note({"status": record.status, "page": text, "own": own})
        if self._params.fails == "finish":
            raise SystemExit("enough")

    def _note(self, values):
        with Path(self._params.file).open("a") as file:
            file.write(json.dumps(values) + "\\n")


def make(params: NotingParams):
    if params.fails == "make":
        raise RatevalError("fails = \\"make\\": as asked")
    return Noting(params)
'''
SPEC = """
[study]
name = "told"
[[dataset]]
use = "squares"
[[model]]
use = "tiny"
[[finetune]]
use = "zs"
[run]
device = "cpu"
batch_size = 5
"""
FINISHED = {"status": "finished", "page": "<!DOCTYPE html>", "own": False}


@pytest.fixture(autouse=True)
def _study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("noting.py").write_text(TRACKER, encoding="utf-8")


def write(*fails: str, more: str = "") -> None:
    """Write the spec with a tracker for each place to fail at, which notes to a file so named."""
    entries = "".join(
        f'[[tracker]]\nuse = "./noting.py:make"\nname = "at {at}"\n'
        f'fails = "{at}"\nfile = "{at}.log"\n'
        for at in fails
    )
    Path("spec.toml").write_text(SPEC + entries + more, encoding="utf-8")


def noted(at: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(f"{at}.log").read_text().splitlines()]


def test_each_is_told_and_one_that_fails_disturbs_nobody(rateval: Rateval) -> None:
    write("start", "finish", "nowhere")
    done = rateval("run", "spec.toml")
    assert done.code == 0
    begun = {"study": "told", "cells": 1}
    assert noted("start") == [begun]
    assert noted("finish") == noted("nowhere") == [begun, FINISHED]
    told = " ".join(done.err.split())
    assert 'not tracked by the tracker "at start" of ' in told
    assert "its start failed with ValueError: no such place" in told
    assert "its finish failed with SystemExit: enough" in told
    assert "at nowhere" not in told


def test_what_cannot_be_made_is_known_before_anything_is_done(rateval: Rateval) -> None:
    write("make")
    done = rateval("run", "spec.toml")
    assert done.code == 2
    assert 'fails = "make": as asked' in done.err
    assert not list(Path("runs").glob("told-*"))


def test_no_result_depends_on_it() -> None:
    write()
    first = package.run("spec.toml")
    write("nowhere")
    again = package.run("spec.toml")
    steps = [stage.identity for stage in first.stages if stage.stage != "load"]
    assert steps
    assert [stage.identity for stage in again.stages] == steps
    assert all(stage.reused for stage in again.stages)
    assert again.cells == first.cells
    assert first.spec_resolved["tracker"] == []
    (entry,) = again.spec_resolved["tracker"]
    assert entry["params"]["file"] == "nowhere.log"


def test_the_page_that_the_study_writes_is_given() -> None:
    write("nowhere", more="[report]\nhtml = true\n")
    package.run("spec.toml")
    assert noted("nowhere")[1] == FINISHED | {"own": True}


def test_a_page_that_cannot_be_made_is_said_and_scores_are_tracked(
    monkeypatch: pytest.MonkeyPatch, rateval: Rateval
) -> None:
    def refuse(*_: object) -> None:
        raise RatevalError("altair is not installed")

    monkeypatch.setattr("rateval.engine.telling.trackers.write_page", refuse)
    write("nowhere")
    done = rateval("run", "spec.toml")
    assert done.code == 0
    assert "trackers get no HTML report of this run: altair is not installed" in " ".join(
        done.err.split()
    )
    assert noted("nowhere")[1] == FINISHED | {"page": None}


def test_an_interrupted_run_is_told(monkeypatch: pytest.MonkeyPatch, rateval: Rateval) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    write("nowhere")
    monkeypatch.setattr("rateval.engine.runner.find_results", interrupt)
    assert rateval("run", "spec.toml").code == 130
    assert noted("nowhere")[1] == {"status": "interrupted", "page": None, "own": False}


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ('use = "mlflow"\nuri = "https://me:secret@host"', "must hold no name and no password"),
        (
            'use = "mlflow"\nuri = "runs/mlflow"',
            "must be a database file, sqlite:///path/mlflow.db",
        ),
        ('use = "mlflov"', "mlflow"),
    ],
)
def test_what_is_wrong_with_an_entry_is_said(
    rateval: Rateval, monkeypatch: pytest.MonkeyPatch, entry: str, says: str
) -> None:
    # Params are looked at where the library is there, which it is in `make test-trackers` alone.
    monkeypatch.setattr("rateval.plan.choosing.explain_missing", lambda _: None)
    write(more=f"[[tracker]]\n{entry}\n")
    done = rateval("validate", "spec.toml")
    assert done.code == 2
    assert says in " ".join(done.err.split())


def test_a_run_scored_anew_is_noted_where_that_is_asked_for_alone(rateval: Rateval) -> None:
    write("nowhere")
    parent = package.run("spec.toml")
    before = noted("nowhere")
    file = Path("noting.py").rename("mine.py")  # what the parent was noted by is gone
    done = rateval("score", str(parent.path), "--threshold", "0.3")
    assert (done.code, "noting" in done.err) == (0, False)
    assert noted("nowhere") == before
    done = rateval("score", str(parent.path), "--tracker", f"./{file}:make:file=anew.log,name=mine")
    assert done.code == 0, done.err
    assert noted("anew") == [{"study": "told", "cells": 1}, FINISHED]
    Path("again.toml").write_text('[[tracker]]\nuse = "./mine.py:make"\nfile = "again.log"\n')
    done = rateval("score", str(parent.path), "--threshold", "0.3", "--tables", "again.toml")
    assert done.code == 0, done.err
    assert noted("again") == noted("anew")
    told = package.score(parent, trackers={"use": "./mine.py:make", "file": "called.log"})
    assert noted("called") == noted("anew")
    (entry,) = told.spec_resolved["tracker"]
    assert entry["params"]["file"] == "called.log"
    # A run that was noted passes that on to no other.
    assert package.score(told, level=0.9).spec_resolved["tracker"] == []


def test_a_tracker_of_a_run_scored_anew_that_is_wrong_or_fails(rateval: Rateval) -> None:
    write()
    folder = str(package.run("spec.toml").path)
    for tracker, said in {
        "mlflov": 'tracker[0].use = "mlflov"',
        "./noting.py:make:fails=make": "tracker[0].file: is missing",
        "./noting.py:make:file=a.log,fails=make": 'fails = "make": as asked',
    }.items():
        done = rateval("score", folder, "--tracker", tracker)
        assert (done.code, said in " ".join(done.err.split())) == (2, True), done.err
    assert len(list(Path("runs").glob("*/run.json"))) == 1
    done = rateval("score", folder, "--tracker", "./noting.py:make:file=a.log,fails=finish")
    assert (done.code, "its finish failed with SystemExit" in " ".join(done.err.split())) == (
        0,
        True,
    )
