"""``rateval runs resume``: a run started again as it was started."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rateval as package
from rateval.engine.runner import Runner
from rateval.records.run import RunRecord
from rateval.store.store import Store

Rateval = Callable[..., Any]
Write = Callable[..., Path]


def newest(output: Path = Path("runs")) -> RunRecord:
    files = sorted(output.glob("*/run.json"), key=lambda file: file.stat().st_mtime_ns)
    return package.load(files[-1])


def change(folder: Path, **values: Any) -> None:
    file = folder / "run.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | values))


def test_a_dead_run_is_gone_on_with_once(rateval: Rateval, killed: Path) -> None:
    Path("spec.toml").write_text("[study]\n")  # its own copy of the spec is what counts
    done = rateval("runs", "resume")
    assert done.code == 0
    assert f"starts again: {killed} (dead)" in done.err
    assert "1 cell = " in done.err
    made = newest()
    assert (made.status, made.spec_name, len(made.cells)) == ("finished", "spec.toml", 1)
    assert {one.stage: one.reused for one in made.stages if one.stage != "load"}["infer"]
    assert package.load(killed).spec_given == made.spec_given
    done = rateval("runs", "resume")
    assert (done.code, done.out) == (0, "")
    assert "no run was interrupted, failed or died" in done.err


def test_a_finished_run_is_left_alone_unless_it_is_asked_for(
    rateval: Rateval, small: RunRecord
) -> None:
    done = rateval("runs", "resume", str(small.path))
    assert (done.code, done.out) == (0, "")
    assert "--again" in done.err
    assert len(list(Path("runs").glob("*/run.json"))) == 1
    assert rateval("runs", "resume", str(small.path / "run.json"), "--again", "-q").code == 0
    made = newest()
    assert made.path != small.path
    assert all(one.reused for one in made.stages if one.stage != "load")


def test_what_had_replaced_keys_and_cells_counts_again(
    rateval: Rateval, write_study: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = str(write_study('[[finetune]]\nuse = "ft"\nepochs = 1\n'))
    words = ["--limit", "6", "--set", "batch_size=4", "--no-pictures", "--fresh", "--output", "out"]
    assert rateval("run", spec, *words, "--only", "*zs*", "-q").code == 0
    first = newest(Path("out"))
    assert first.overrides["reuse"] is False
    change(first.path, status="interrupted")
    monkeypatch.setenv("RATEVAL_LIMIT", "3")  # it did not count then
    more = ["--set", "batch_size=2", "-q"]
    assert rateval("runs", "resume", "--output", "out", *more).code == 0
    made = newest(Path("out"))
    assert made.path != first.path
    assert (made.limit, made.only, len(made.cells)) == (6, ("*zs*",), 1)
    options = made.spec_resolved["run"]
    assert (options["batch_size"], options["reuse"], options["output"]) == (2, True, "out")
    assert made.pictures == ()


def test_relative_paths_start_from_where_they_did(
    rateval: Rateval, killed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    done = rateval("runs", "resume", "--output", "../runs")
    assert done.code == 0
    assert f"relative paths start from {tmp_path}, as they did" in done.err
    assert newest(tmp_path / "runs").base == str(tmp_path)
    assert not (tmp_path / "other" / "runs").exists()


def test_a_folder_that_is_gone_is_told(rateval: Rateval, killed: Path) -> None:
    change(killed, base="/nowhere/at/all")
    assert "/nowhere/at/all, where it was started, is gone" in rateval("runs", "resume").err
    change(killed, base=None, started="2099-01-01T00:00:00+00:00")
    done = rateval("runs", "resume")
    assert done.code == 0
    assert "from before it told where relative paths start" in done.err


def test_files_beside_the_spec_are_found(rateval: Rateval, write_study: Write) -> None:
    Path("specs").mkdir()
    shutil.copy(Path(__file__).parents[3] / "acme" / "one_file.py", "specs/mine.py")
    text = '[[metric]]\nuse = "./mine.py:make_metric"\n'
    spec = write_study(text, name="specs/spec.toml")
    assert rateval("run", str(spec), "-q").code == 0
    change(newest().path, status="failed")
    spec.unlink()
    assert rateval("runs", "resume", "-q").code == 0
    assert newest().labels("metric") == ["make_metric"]


def test_a_scored_run_is_scored_again(rateval: Rateval, small: RunRecord) -> None:
    assert rateval("score", str(small.path), "--threshold", "0.9", "-q").code == 0
    first = newest()
    change(first.path, status="interrupted")
    assert rateval("runs", "resume").code == 0
    made = newest()
    assert made.path != first.path
    assert made.parent is not None
    assert made.parent.asked == ("--threshold", "0.9")
    assert rateval("runs", "resume").out == ""


def test_a_run_without_a_spec_is_refused_with_how_it_was_made(
    rateval: Rateval, small: RunRecord
) -> None:
    change(small.path, status="failed", spec_given="", spec_name="rateval.evaluate")
    done = rateval("runs", "resume")
    assert done.code == 2
    assert "keeps no spec" in done.err
    assert "rateval.evaluate with the same arguments" in done.err


def test_a_run_that_goes_on_is_refused(rateval: Rateval, killed: Path) -> None:
    with Store(Path("runs/store")).owning(killed):
        done = rateval("runs", "resume", str(killed))
        assert done.code == 2
        assert "the run goes on" in done.err
        assert "no run was interrupted" in rateval("runs", "resume").err


def test_an_interruption_is_told_with_how_to_go_on(
    rateval: Rateval, killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: Runner) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Runner, "run", interrupt)
    done = rateval("runs", "resume")
    assert done.code == 130
    assert "go on with: rateval runs resume\n" in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "holds no run that can be read"),
        (["--set", "output=elsewhere"], "beside the old one"),
        (["--set", "batch_sise=3"], "batch_size"),
        (["--output", "nowhere"], "no folder of runs"),
    ],
)
def test_what_is_asked_for_wrongly(
    rateval: Rateval, killed: Path, words: list[str], told: str
) -> None:
    done = rateval("runs", "resume", *words)
    assert (done.code, done.out) == (2, "")
    assert told in done.err


def test_a_copy_of_the_spec_that_is_gone(rateval: Rateval, killed: Path) -> None:
    (killed / "spec.toml").unlink()
    done = rateval("runs", "resume")
    assert done.code == 2
    assert "put it back" in done.err
    shutil.rmtree(killed)
    assert rateval("runs", "resume").code == 0
