"""Records of runs: other formats are refused with what to do, and parts that lack are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import rateval
from rateval.cli.main import main
from rateval.errors import RatevalError
from rateval.records.key import Key
from rateval.records.shift import ShiftKey


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


def spec(**changes: Any) -> dict[str, Any]:
    return {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares"}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}],
        "run": {"device": "cpu"},
    } | changes


def write_run(folder: str, number: int) -> Path:
    """Write as much of a run of another format as tells it from a run of this one."""
    path = Path(folder)
    path.mkdir()
    old = {"dataset": "d", "model": "m", "finetuner": "zs", "seed": 0}
    content = {"format": number, "study": "old", "cells": [old]}
    (path / "run.json").write_text(json.dumps(content))
    return path


def test_a_run_of_the_format_before_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_run("my run", 2)
    (folder / "spec.toml").write_text("")
    assert main(["report", str(folder)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "error: my run/run.json: a run record of format 2, and this rateval reads format 4, 5 or "
        "6; run its spec again: rateval run 'my run/spec.toml' "
        "(what is stored and means the same is reused)\n"
    )


def test_without_its_spec_no_command_is_promised() -> None:
    with pytest.raises(
        RatevalError, match=r"reads format 4, 5 or 6; run its spec again \(what is stored"
    ):
        rateval.load(write_run("old", 1))


def test_a_run_of_a_later_format_asks_for_a_later_rateval() -> None:
    with pytest.raises(RatevalError, match=r"of format 7, .* install the version of rateval that"):
        rateval.load(write_run("new", 7))


@pytest.mark.parametrize("text", ["[]", '"x"', "{", '{"format": "three"}', '{"format": null}'])
def test_what_is_no_record_at_all_is_refused(text: str) -> None:
    Path("run.json").write_text(text)
    with pytest.raises(RatevalError, match="not a run record of format 4, 5 or 6"):
        rateval.load("run.json")


def test_results_are_cells_or_what_their_seeds_have_in_common() -> None:
    alone = rateval.run(spec())
    assert alone.results is alone.cells
    asked = {"name": "tiny", "seeds": [0, 1]}
    several = rateval.run(spec(study=asked, dataset=[{"use": "shapes", "test_size": 4}]))
    assert several.results is several.over_seeds
    assert [cell.key.seed for cell in several.cells] == [0, 1]
    assert [result.key for result in several.results] == [several.cells[0].key.seedless]
    loaded = rateval.load(several.path)
    assert loaded.results == several.results


def test_a_cell_says_which_verdicts_it_lacks() -> None:
    record = rateval.run(spec())
    (cell,) = record.cells
    with pytest.raises(RatevalError, match="zs on squares: has no verdicts by mine, there are rel"):
        record.rows(cell, "mine")
    bare = cell.model_copy(update={"evidence": ()})
    with pytest.raises(RatevalError, match="no verdicts by any validator, there are none; name"):
        record.rows(bare)


def test_faithfulness_that_failed_is_told_from_one_that_nobody_asked_for() -> None:
    record = rateval.run(spec())
    (cell,) = record.cells
    with pytest.raises(RatevalError, match=r"add \[faithfulness\] to its spec"):
        record.curves(cell)
    asked = record.model_copy(update={"spec_resolved": {"faithfulness": {}}})
    with pytest.raises(RatevalError, match="zs on squares: its faithfulness failed or was not re"):
        asked.curves(cell)


def test_labels_of_cells_are_those_of_the_plan() -> None:
    maps = [
        {"use": "generic-attention", "name": name, "layers": layers}
        for name, layers in (("a", "last"), ("b", "all"))
    ]
    record = rateval.run(spec(attribution=maps, shift=[{"use": "darken"}]))
    labels = [record.label(cell.key) for cell in record.cells]
    assert labels == [s.label for s in record.stages if s.stage == "infer"]
    assert labels == [
        f"tiny · zs on squares{shift} · {name}" for shift in ("", ", darken") for name in "ab"
    ]


def test_labels_that_tell_keys_apart() -> None:
    key = Key(
        dataset="d", model="m", finetuner="f", shift=ShiftKey(family="s"), attribution="a", seed=1
    )
    assert key.test == ("d", "m", ShiftKey(family="s"), "a")
    assert key.classifier == key.model_copy(update={"attribution": "b"}).classifier
    assert key.classifier.model_dump() == {
        "dataset": "d",
        "model": "m",
        "finetuner": "f",
        "seed": 1,
    }
    assert key.seedless.seed is None
    assert len({key, key.seedless, key.model_copy()}) == 2
