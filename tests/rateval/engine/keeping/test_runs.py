from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rateval.engine.keeping.cleaning import require_store
from rateval.engine.keeping.pruning import Old, find_prunable, prune, require_known
from rateval.engine.keeping.resuming import find_latest, list_unfinished
from rateval.engine.keeping.runs import RunFolder, State, list_runs, read_run
from rateval.engine.keeping.taking import Taken, measure
from rateval.errors import RatevalError

ONE, TWO, THREE = (digit * 32 for digit in "123")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def write(output: Path, name: str, *names: str, **more: Any) -> Path:
    """Write the record of a run, as much as is read of it, that names some results."""
    folder = output / name
    folder.mkdir(parents=True)
    told = {
        "format": 6,
        "study": "small",
        "status": "finished",
        "started": FIRST.isoformat(),
        "seconds": 1.5,
        "spec_given": "[study]",
        "cells": [{"identity": one} for one in names],
        "planned": [{}] * 3,
    }
    (folder / "run.json").write_text(json.dumps(told | more))
    return folder


def store(output: Path, *names: str, stage: str = "infer") -> None:
    for at, name in enumerate(names, start=1):
        path = output / "store" / stage / name
        path.mkdir(parents=True)
        (path / "manifest.json").write_bytes(b"x" * at)


def run(name: str, state: State, asked: str = "a") -> RunFolder:
    return RunFolder(Path(name), state, frozenset(), asked=asked)


@pytest.mark.parametrize(
    ("runs", "latest"),
    [
        ([], None),
        ([run("1", "finished")], None),
        ([run("1", "dead")], "1"),
        ([run("2", "failed"), run("1", "dead")], "2"),
        ([run("2", "finished"), run("1", "dead")], None),
        ([run("2", "running"), run("1", "dead")], None),
        ([run("2", "finished", "b"), run("1", "interrupted")], "1"),
        ([run("2", "unreadable", ""), run("1", "interrupted")], "1"),
        ([run("2", "running or dead"), run("1", "failed")], None),
    ],
)
def test_which_run_is_worth_being_started_again(runs: list[RunFolder], latest: str | None) -> None:
    found = find_latest(runs)
    assert (found and found.path.name) == latest


def test_runs_that_a_later_one_makes_up_for_are_not_unfinished() -> None:
    runs = [
        run("6", "finished"),
        run("5", "dead", "b"),
        run("4", "dead"),
        run("3", "failed", "b"),
        run("2", "failed", ""),
        run("1", "interrupted", "c"),
    ]
    assert [one.path.name for one in list_unfinished(runs)] == ["5", "2", "1"]


def test_runs_are_of_one_study_whatever_was_asked_beside_it(tmp_path: Path) -> None:
    alike = [
        write(tmp_path, "a"),
        write(tmp_path, "b", overrides={"reuse": False, "output": "x"}),
        write(tmp_path, "c", ONE, status="failed"),
    ]
    other = [
        write(tmp_path, "d", overrides={"limit": 3}),
        write(tmp_path, "e", only=["x"]),
        write(tmp_path, "f", spec_given="[study]\nname = 1"),
        write(tmp_path, "g", parent={"path": "a", "digest": "1", "asked": ["--add"]}),
    ]
    asked = {read_run(path).asked for path in (*alike, *other)}
    assert len(asked) == 1 + len(other)


def test_what_a_record_tells(tmp_path: Path) -> None:
    folder = write(tmp_path, "a", ONE, failures=[{}], parent={"path": "../runs/before"})
    (folder / "steps.jsonl").write_text(f'{{"identity": "{TWO}"}}\n{{"identity": "{ONE}"\n')
    found = read_run(folder)
    assert found == replace(
        RunFolder(folder, "finished", frozenset({ONE, TWO})),
        study="small", started=FIRST, seconds=1.5, done=1, planned=3, failures=1,
        asked=found.asked, parent="before",
    )  # fmt: skip


def test_a_run_is_no_folder_of_runs(tmp_path: Path) -> None:
    with pytest.raises(RatevalError, match=f"is a run itself.*--output {tmp_path}"):
        list_runs(write(tmp_path, "a"))


def test_what_runs_take(tmp_path: Path) -> None:
    first, second = write(tmp_path, "a", ONE, TWO), write(tmp_path, "b", TWO)
    store(tmp_path, ONE, TWO, THREE)
    store(tmp_path, "4" * 32, stage="view")
    taken, total = measure(tmp_path, list_runs(tmp_path))
    own = {path: (path / "run.json").stat().st_size for path in (first, second)}
    assert taken == {first: Taken(own[first], 3, 1), second: Taken(own[second], 2, 0)}
    assert (total.results, total.size, total.unnamed) == (4, 7, 3)


def test_what_results_were_made_of_is_kept_and_views_of_what_is_kept(tmp_path: Path) -> None:
    write(tmp_path, "a", ONE)
    store(tmp_path, ONE, TWO, THREE)
    views = {"4" * 32: THREE, "5" * 32: TWO, "6" * 32: "7" * 32}
    for name, of in views.items():
        store(tmp_path, name, stage="view")
        (tmp_path / "store/view" / name / "manifest.json").write_text(f'"{name}" of "{of}"')
    (tmp_path / "store/infer" / ONE / "manifest.json").write_text(f'{{"classifier": "{TWO}"}}')
    found = find_prunable(tmp_path, None)
    assert {result.identity for result, _ in found.results} == {THREE, "4" * 32, "6" * 32}


@pytest.mark.parametrize(
    ("old", "gone"),
    [
        (Old(), "abcd"),
        (Old(keep_last=0), "abcd"),
        (Old(keep_last=3), "a"),
        (Old(keep_last=9), ""),
        (Old(older_than=timedelta(days=1.5)), "ab"),
        (Old(keep_last=3, older_than=timedelta(days=1.5)), "a"),
        (Old(keep_last=1, older_than=timedelta(days=1.5)), "ab"),
    ],
)
def test_which_runs_are_old(tmp_path: Path, old: Old, gone: str) -> None:
    for days, name in enumerate("dcba"):
        started = datetime.now(UTC) - timedelta(days=days)
        write(tmp_path, name, started=started.isoformat())
    for name, status in (("e", "failed"), ("f", "interrupted"), ("g", "running")):
        write(tmp_path, name, status=status, started="2020-01-01T00:00:00+00:00")
    store(tmp_path, ONE)
    found = find_prunable(tmp_path, old)
    assert sorted(run.path.name for run, _ in found.runs) == list(gone)
    done = prune(tmp_path, old)[1]
    assert (done.runs, done.results, done.left) == (len(gone), 1, [])
    assert not any((tmp_path / name).exists() for name in gone)
    assert all((tmp_path / name).is_dir() for name in set("abcdefg") - set(gone))


@pytest.mark.parametrize("look", [list_runs, require_known, require_store])
def test_a_url_is_no_folder_of_this_computer(tmp_path: Path, look: Callable[[Path], Any]) -> None:
    for url, advice in (("s3://b/x", "take"), (tmp_path.as_uri(), f"give {tmp_path}")):
        with pytest.raises(RatevalError, match=f"^{url}: runs are .* folders of .*; .*{advice}"):
            look(Path(url))
