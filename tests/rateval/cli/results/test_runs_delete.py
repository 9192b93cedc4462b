"""``rateval runs clean`` and ``prune``: what nobody needs goes, and only when it is asked for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rateval as package
from rateval.engine.keeping import pruning
from rateval.records.run import RunRecord
from rateval.store.locks import Locks
from rateval.store.store import Store

Rateval = Callable[..., Any]
Write = Callable[..., Path]
LOOSE = "0" * 31
RICH = """
[[finetune]]
use = "ft"
epochs = 1
batch_size = 4
[[attribution]]
use = "generic-attention"
[[attribution]]
use = "center-prior"
[[evidence]]
use = "relevance-mass"
threshold = {threshold}
[counterfactual]
background = "grey"
object = "grey"
[faithfulness]
images = 2
[report]
pictures = 4
"""


def tree(output: str = "runs") -> dict[str, bytes]:
    """Return the content of every file but for locks, which come and go."""
    files = (path for path in Path(output).rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files if ".locks" not in path.parts}


def results(output: str = "runs") -> set[str]:
    found = Path(output, "store").glob("[!.]*/[!.]*/manifest.json")
    return {str(path.parent.relative_to(Path(output, "store"))) for path in found}


def change(folder: Path, **values: Any) -> None:
    file = folder / "run.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | values))


def leave(stage: str = "infer", end: str = "1", *, name: str = "") -> Path:
    """Put a result into the store that no run names."""
    path = Path("runs/store") / stage / (name or LOOSE + end)
    path.mkdir(parents=True)
    (path / "rows.parquet").write_bytes(bytes(1000))
    return path


def test_prune_leaves_all_that_remaining_runs_need(rateval: Rateval, write_study: Write) -> None:
    spec = write_study(RICH.format(threshold=0.5))
    first = package.run(spec)
    anew = package.score(first.path, threshold=0.25)
    apart = package.score(first.path, threshold=0.25, into="apart")
    other = package.run(write_study(RICH.format(threshold=0.75), name="other.toml"))
    stages = {one.stage for one in first.stages}
    assert {"agree", "counterfactual", "faithfulness", "thresholds", "pictures"} <= stages
    before = results()
    assert {name.partition("/")[0] for name in before} == {*stages - {"load"}, "view"}
    assert "nothing to delete" in rateval("runs", "prune", "--yes").out
    assert results() == before

    shutil.rmtree(other.path)
    kept = {(one.stage, one.identity) for run in (first, anew) for one in run.stages}
    lost = {
        f"{one.stage}/{one.identity}"
        for one in other.stages
        if one.stage != "load" and (one.stage, one.identity) not in kept
    }
    held = tree()
    listed = rateval("runs", "prune")
    assert (listed.code, "add --yes" in listed.out, tree() == held) == (0, True, True)
    told = json.loads(rateval("runs", "prune", "--json").out)
    assert tree() == held
    assert sum(row["count"] for row in told["by"].values()) == len(lost)
    assert {name.partition("/")[0] for name in lost} == set(told["by"])
    size = sum(row["bytes"] for row in told["by"].values())
    deleted = rateval("runs", "prune", "--yes")
    assert (deleted.code, deleted.err) == (0, "")
    assert results() == before - lost
    assert sum(map(len, held.values())) - sum(map(len, tree().values())) == size

    for run in (first, anew, apart):
        folder = str(run.path)
        assert rateval("runs", "verify", folder, "-q").code == 0
        assert rateval("report", folder, "--details").code == 0
        assert rateval("report", folder, "--html", "page.html").code == 0
        scored = rateval("score", folder, "--evidence", "counterfactual", "--add", "-q")
        assert scored.code == 0
        rows = rateval("export", folder, "--format", "csv", "--what", "rows")
        assert rows.out.count("\n") > 12
        gate = rateval("gate", folder, "--require", "accuracy>=0.01", "--decide", "value")
        assert (gate.code, gate.err) in ((0, ""), (3, ""))
    assert b"data:image/webp" in first_page(rateval, first)
    again = package.run(write_study(RICH.format(threshold=0.5)))
    assert rateval("compare", str(first.path), str(again.path)).code == 0
    assert all(one.reused for one in again.stages if one.stage != "load")
    assert rateval("report", str(first.path), "--pictures", "4").code == 0


def first_page(rateval: Rateval, run: RunRecord) -> bytes:
    assert rateval("report", str(run.path), "--html", "first.html").code == 0
    return Path("first.html").read_bytes()


def test_what_is_no_result_of_ours_is_left_alone(rateval: Rateval, small: RunRecord) -> None:
    loose = leave()
    foreign = [
        leave(name="notes"),
        leave("mine", "2"),
        leave("finetune-unfinished", "3"),
        leave(name=f".{LOOSE}1-abcd"),
    ]
    done = rateval("runs", "prune", "--yes")
    assert done.code == 0
    assert f"{Path('runs/store/mine')}: is none of rateval's stages" in done.out
    assert not loose.exists()
    assert all(path.is_dir() for path in foreign)


def test_a_dead_run_keeps_what_it_noted(rateval: Rateval, killed: Path) -> None:
    record = package.load(killed)
    assert record.stages == ()  # that its results are named is known of its steps alone
    before = results()
    assert rateval("runs", "prune", "--yes").code == 0
    assert results() == before
    Path(killed, "run.json").unlink()
    assert rateval("runs", "prune", "--yes").code == 0
    assert results() == before


def test_nothing_is_pruned_while_a_run_goes_on(rateval: Rateval, small: RunRecord) -> None:
    loose = leave()
    for going in (
        Store(Path("runs/store")).owning(Path("runs/elsewhere")),
        Store(Path("runs/store")).using(),
        Locks(Path("runs/store/.locks")).hold("of-an-older-version.run"),
    ):
        with going:
            for words in ([], ["--yes"]):
                done = rateval("runs", "prune", *words)
                assert (done.code, done.out) == (2, "")
                assert "goes on and may need any result" in done.err
                assert done.err.count("\n") == 1
    assert loose.is_dir()


def test_a_run_waits_until_pruning_is_over(tmp_path: Path) -> None:
    said: list[str] = []
    store = Store(tmp_path, tell=said.append)
    locks = Locks(tmp_path / ".locks")
    with locks.try_hold("results.use") as alone:
        assert alone
        assert Locks(tmp_path / ".locks").is_held("results.use")
    with store.using(), store.using(), locks.try_hold("results.use") as alone:
        assert not alone
    assert said == []


def test_a_result_that_is_read_is_left(rateval: Rateval, small: RunRecord) -> None:
    read, made, free = leave(end="1"), leave(end="2"), leave(end="3")
    locks = Locks(Path("runs/store/.locks"))
    with locks.hold(f"{read.name}.read", shared=True), locks.hold(f"{made.name}.make"):
        done = rateval("runs", "prune", "--yes")
    assert done.code == 1
    assert done.out.count("is left alone") == 2
    assert (read.is_dir(), made.is_dir(), free.exists()) == (True, True, False)


@pytest.mark.parametrize("content", ["", '{"format": 6, "cells": ['])
def test_nothing_is_pruned_where_a_record_was_cut(
    rateval: Rateval, small: RunRecord, content: str
) -> None:
    leave()
    broken = Path("runs/broken")
    broken.mkdir()
    (broken / "run.json").write_text(content)
    before = tree()
    done = rateval("runs", "prune", "--yes")
    assert (done.code, tree() == before) == (2, True)
    assert "nobody knows which results it names" in done.err


def test_a_record_of_another_format_keeps_what_it_names(rateval: Rateval, small: RunRecord) -> None:
    named, loose = leave(end="1"), leave(end="2")
    newer = Path("runs/newer")
    newer.mkdir()
    (newer / "run.json").write_text(json.dumps({"format": 99, "new": {"key": named.name}}))
    assert rateval("runs", "prune", "--yes").code == 0
    assert (named.is_dir(), loose.exists()) == (True, False)


def test_a_store_that_is_a_link_is_pruned_where_it_lies(
    rateval: Rateval, small: RunRecord, tmp_path: Path
) -> None:
    Path("linked").mkdir()
    Path("linked/store").symlink_to(tmp_path / "runs" / "store")
    before = tree()
    done = rateval("runs", "prune", "--yes", "--output", "linked")
    assert (done.code, tree() == before) == (2, True)
    assert f"--output {tmp_path / 'runs'}" in done.err


def copies(small: RunRecord, count: int, status: str = "finished") -> list[Path]:
    """Make copies of a run, each a day older than the one before; return them, the newest first."""
    made = []
    for number in range(count):
        folder = Path(f"runs/{status}-{number}")
        shutil.copytree(small.path, folder)
        change(folder, started=f"2026-01-{28 - number:02}T00:00:00+00:00", status=status)
        made.append(folder)
    return made


def test_old_runs_go_where_they_are_asked_for(rateval: Rateval, small: RunRecord) -> None:
    finished, failed = copies(small, 4), copies(small, 2, "failed")
    before = tree()
    done = rateval("runs", "prune", "--keep-last", "2")
    assert (done.code, tree() == before) == (0, True)
    assert [line for line in done.out.splitlines() if line.startswith("run ")] == [
        f"run {folder}" for folder in finished[1:]
    ]
    (finished[3] / "notes.txt").write_text("mine")
    done = rateval("runs", "prune", "--keep-last", "2", "--yes")
    assert done.code == 0
    assert f"{finished[3]}: is kept: holds notes.txt" in done.out
    assert [folder.is_dir() for folder in finished] == [True, False, False, True]
    assert all(folder.is_dir() for folder in (*failed, small.path))
    assert rateval("runs", "prune", "--older-than", "99999w", "--yes").code == 0
    assert finished[0].is_dir()
    assert rateval("runs", "prune", "--older-than", "1h", "--keep-last", "0", "--yes").code == 0
    assert not finished[0].exists()
    assert small.path.is_dir()  # no hour old
    assert rateval("runs", "verify", "-q", str(small.path)).code == 0


def test_results_of_runs_that_go_go_with_them(rateval: Rateval, small: RunRecord) -> None:
    anew = package.score(small.path, threshold=0.9)
    done = rateval("runs", "prune", "--keep-last", "1", "--yes")
    assert "a run that is kept scores it anew" in done.out
    assert small.path.is_dir()
    assert rateval("runs", "prune", "--keep-last", "0", "--yes").code == 0
    assert not small.path.exists()
    assert not anew.path.exists()
    assert results() == set()
    assert "holds no run" in rateval("runs").out


def test_what_dead_runs_left_is_listed_then_deleted(rateval: Rateval, small: RunRecord) -> None:
    store, name = Path("runs/store"), LOOSE + "1"
    (cell,) = small.cells
    work = store / "infer" / f".{name}-abcd"
    state = store / "finetune-unfinished" / name
    shards = store / "infer-unfinished" / name
    over = store / "infer-unfinished" / cell.identity
    for folder in (work, state, shards / "part" / name, over):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(bytes(100))
    (shards / "part" / f".{name}-x").write_bytes(bytes(10))
    (small.path / ".run.json-0123.part").write_bytes(bytes(1))
    (store / ".locks").mkdir(exist_ok=True)
    (store / ".locks" / "stale.run").touch()
    alive = store / "judge" / f".{LOOSE}2-abcd"
    alive.mkdir()
    before = tree()
    with Locks(store / ".locks").hold(f"{LOOSE}2.make"):
        listed = json.loads(rateval("runs", "clean", "--json").out)
        assert tree() == before
        assert (store / ".locks" / "stale.run").is_file()
        deleted = json.loads(rateval("runs", "clean", "--json", "--yes").out)
    assert listed["left"] == deleted["left"]
    rows = {what: (row["count"], row["bytes"]) for what, row in deleted["left"].items()}
    assert rows == {
        "results that were being made": (1, 100),
        "unfinished states of results that are there": (1, 100),
        "parts of unfinished states that were being written": (1, 10),
        "records that were being written": (1, 1),
        "locks": (1, 0),
    }
    assert deleted["unfinished"] == {"count": 2, "bytes": 200}
    assert [path.exists() for path in (work, over, state, shards, alive)] == [
        False, False, True, True, True,
    ]  # fmt: skip
    assert rateval("runs", "verify", "-q").code == 0
    done = rateval("runs", "clean", "--unfinished")
    assert "nothing was deleted" in done.out
    assert state.is_dir()
    assert rateval("runs", "clean", "--unfinished", "--yes").code == 0
    assert not list(store.glob("*-unfinished"))
    assert not alive.exists()
    assert "left anything behind" in rateval("runs", "clean").out


@pytest.mark.parametrize(
    "words",
    [
        ["prune", "--output", "nowhere"],
        ["clean", "--output", "nowhere"],
        ["prune", "--older-than", "soon"],
        ["prune", "--older-than", "30"],
        ["prune", "--keep-last", "-1"],
        ["clean", "--keep-last", "1"],
    ],
)
def test_what_is_asked_for_wrongly(rateval: Rateval, words: list[str]) -> None:
    done = rateval("runs", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err


def test_every_name_in_a_record_is_one_that_pruning_finds(
    small: RunRecord, write_study: Write
) -> None:
    """What a record names by its fields is in what is found in its text, whatever else is."""
    from rateval.engine.keeping.naming import name_results
    from rateval.engine.keeping.runs import read_run

    run = read_run(small.path)
    named = name_results(small)
    assert {identity for _, identity in named} <= run.names
    assert {stage for stage, _ in named} <= set(pruning.STAGES)
    assert all(Path("runs/store", *one).is_dir() for one, must in named.items() if must)
