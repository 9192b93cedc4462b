"""Whatever happens to the store costs time, and never a number."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rateval
from rateval.cli.main import main
from rateval.console import Console
from rateval.errors import RatevalError
from rateval.progress import PlainReporter, Reporter
from rateval.records.run import RunRecord
from rateval.stages.finetune import STATE, save_state
from rateval.stages.infer import infer
from rateval.testing import tiny_classifier
from rateval.training.logbook import FolderLogbook

STAGES = ("finetune", "infer", "judge", "score", "thresholds", "faithfulness", "agree", "pictures")
"""In the order in which one reads the other."""


def spec(**changes: Any) -> dict[str, Any]:
    return {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares", "train": 6, "test": 5}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "ft", "epochs": 1, "batch_size": 6}],
        "attribution": [{"use": "generic-attention"}, {"use": "center-prior"}],
        "faithfulness": {"images": 3, "steps": 2},
        "metric": [{"use": "accuracy"}],
        "run": {"device": "cpu", "batch_size": 5},
    } | changes


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


class Listening(Reporter):
    """A reporter that keeps what it is warned of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def replace_by_a_folder(path: Path) -> None:
    path.unlink()
    (path / "inside").mkdir(parents=True)


def replace_by_a_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


DAMAGES = (flip, cut, empty, Path.unlink, replace_by_a_folder, replace_by_a_loop)


def numbers(record: RunRecord) -> dict[str, Any]:
    return record.model_dump(include={"status", "cells", "agreements", "failures", "trainings"})


def run_again(whole: RunRecord) -> tuple[RunRecord, list[str]]:
    """Run a study whose store was damaged; return its record and what was said."""
    listening = Listening()
    record = rateval.run(spec(), reporter=listening)
    assert numbers(record) == numbers(whole)
    for ours, theirs in zip(record.cells, whole.cells, strict=True):
        assert record.rows(ours).equals(whole.rows(theirs))
        assert np.array_equal(record.relevance(ours), whole.relevance(theirs))
        assert record.curves(ours).equals(whole.curves(theirs))
    store = Path("runs/store")
    assert {path.name for path in store.iterdir()} == {*STAGES, "view"}
    hidden = [path for path in Path("runs").rglob("*") if path.name.startswith(".")]
    assert hidden == []
    return record, listening.warnings


@pytest.fixture
def whole() -> RunRecord:
    """Run the study once, and keep a copy that nobody damages."""
    rateval.run(spec(), output="runs")
    shutil.copytree("runs", "whole")
    (run,) = Path("whole").glob("tiny-*")
    return rateval.load(run)


def first_of(stage: str) -> Path:
    return min(Path("runs/store", stage).iterdir())


def damage_and_run(whole: RunRecord, paths: list[Path], turn: int) -> None:
    """Do to each file another thing, in each turn another one."""
    for number, path in enumerate(paths):
        damage = DAMAGES[(number + turn) % len(DAMAGES)]
        # Bits that no step reads are not looked at.
        (cut if damage is flip and "faithfulness" in path.parts else damage)(path)
    record, warnings = run_again(whole)
    made = {stage.identity for stage in record.stages if not stage.reused}
    for path in paths:
        assert path.parent.name in made
        (warning,) = [warning for warning in warnings if str(path) in warning]
        assert warning.startswith(f"{path}: ")
        assert "this result is not used, and made anew" in warning
    assert len(warnings) == len(paths)


def test_damaged_files_are_told_and_made_anew(whole: RunRecord) -> None:
    for turn, name in enumerate(["rows.parquet", "masks.parquet", "relevance.safetensors"]):
        # Bit by bit it is looked at when it is read: by the score, which has to be made anew.
        shutil.rmtree("runs/store/score")
        paths = [judged / "rows.parquet" for judged in sorted(Path("runs/store/judge").iterdir())]
        paths += [first_of("finetune") / "classifier.safetensors", first_of("infer") / name]
        paths.append(first_of("faithfulness") / "rows.parquet")
        damage_and_run(whole, paths, 4 * turn)
    # Their own digest tells of any bit in a manifest, and so in the facts that people read.
    for turn in range(3):
        damage_and_run(whole, [first_of(stage) / "manifest.json" for stage in STAGES], 2 * turn)


def replace_by_a_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("")


@pytest.mark.parametrize("damage", [shutil.rmtree, replace_by_a_file])
def test_a_damaged_folder_costs_time(damage: Callable[[Path], None], whole: RunRecord) -> None:
    for stage in STAGES:
        damage(first_of(stage))
    Path("runs/store/.locks").write_text("in the way")
    run_again(whole)
    for stage in STAGES:
        damage(Path("runs/store", stage))
    run_again(whole)


def test_a_damaged_classifier_is_not_exported(capsys: pytest.CaptureFixture[str]) -> None:
    record = rateval.run(spec(attribution=[{"use": "center-prior"}]))
    folder = record.classifier_folder(record.cells[0])
    for path in (folder / "classifier.safetensors", folder / "manifest.json"):
        kept = path.read_bytes()
        flip(path)
        assert main(["export-checkpoint", str(record.path), "--to", "out"]) == 2
        (error,) = capsys.readouterr().err.splitlines()
        assert error.startswith(f"error: {path}: was c")
        assert f"delete {folder}, and run the spec again" in error
        assert not Path("out").exists()
        path.write_bytes(kept)
    assert main(["export-checkpoint", str(record.path), "--to", "out"]) == 0


def test_what_was_inferred_in_part_is_looked_at_before_it_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables = spec(attribution=[{"use": "center-prior"}])
    tables["run"] |= {"batch_size": 2}
    whole = rateval.run(tables, output="whole")
    tables["run"] |= {"shard_size": 2}
    seen: list[int] = []

    def interrupted(job: Any, part: range, *rest: Any) -> Any:
        seen.append(part.start)
        if seen == [0, 2, 4]:
            raise KeyboardInterrupt
        return infer(job, part, *rest)

    monkeypatch.setattr("rateval.engine.doing.evaluating.infer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rateval.run(tables)
    (folder,) = Path("runs/store/infer-unfinished").iterdir()
    rows = folder.glob("infer/*/rows.parquet")
    first = min(rows, key=lambda path: path.stat().st_mtime_ns)
    flip(first)
    stream = StringIO()
    reporter = PlainReporter(Console(file=stream, width=1000))
    assert numbers(rateval.run(tables, reporter=reporter)) == numbers(whole)
    assert seen == [0, 2, 4, 4, 0]  # the damaged one when all are put together
    assert f"{first}: was changed since it was stored" in stream.getvalue()
    assert not Path("runs/store/infer-unfinished").exists()


def test_a_damaged_state_of_a_training_is_told_and_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables = spec(finetune=[{"use": "ft", "epochs": 3, "batch_size": 6}])
    whole = rateval.run(tables, output="whole")
    real = FolderLogbook.save_now  # whether or not so quick a training has one due

    def interrupted(logbook: FolderLogbook, *state: Any) -> None:
        real(logbook, *state)
        if len(logbook.epochs) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(FolderLogbook, "save", interrupted)
        rateval.run(tables)
    (state,) = Path("runs/store").glob("finetune-unfinished/*/*")
    flip(state)
    stream = StringIO()
    reporter = PlainReporter(Console(file=stream, width=1000))
    assert numbers(rateval.run(tables, reporter=reporter)) == numbers(whole)
    assert f"{state}: was cut or changed since it was stored" in stream.getvalue()


def test_equal_classifiers_are_equal_bytes(tmp_path: Path) -> None:
    classifier = tiny_classifier()
    for number in range(8):
        (tmp_path / str(number)).mkdir()
        save_state(classifier, tmp_path / str(number), {"model": {"digest": "é"}, "classes": []})
    assert len({path.read_bytes() for path in tmp_path.glob(f"*/{STATE}")}) == 1


def test_what_python_reads_of_a_run_is_what_was_stored() -> None:
    record = rateval.run(spec())
    cell = record.cells[0]
    store = Path("runs/store")
    for read, name in (
        (record.rows, "rows.parquet"),
        (record.relevance, "relevance.safetensors"),
    ):
        path = store / "infer" / cell.identity / name
        flip(path)
        with pytest.raises(RatevalError, match=f"{name}: was changed .* delete .* run the spec"):
            read(cell)
        flip(path)
        read(cell)
    assert cell.faithfulness is not None
    empty(store / "faithfulness" / cell.faithfulness.identity / "rows.parquet")
    with pytest.raises(RatevalError, match=r"rows.parquet: is empty: 0 bytes of"):
        record.curves(cell)
