"""A disk that takes no more ends a run with one message, and what was done is kept."""

from __future__ import annotations

import errno
import re
import resource
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import rateval
from rateval.cli.main import main
from rateval.errors import StudyError

SPEC = """
[study]
name = "tiny"
[[dataset]]
use = "squares"
train = 6
test = 5
[[model]]
use = "tiny"
[[finetune]]
use = "zs"
[[finetune]]
use = "ft"
epochs = 2
[run]
device = "cpu"
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.toml").write_text(SPEC)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def hidden(folder: str) -> list[Path]:
    return [path for path in Path(folder).rglob("*") if path.name.startswith(".")]


def test_a_file_over_the_limit_is_named_and_what_was_done_is_recorded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with files_of_at_most(60_000):
        assert main(["run", "spec.toml", "-q"]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    # The state of the training is written behind it, or not at all where it ends before.
    assert re.match(r"error: runs/store/finetune(-unfinished)?/", error)
    assert "cannot be written to: File too large; what is stored is kept" in error
    assert "--output" in error
    (folder,) = Path("runs").glob("tiny-*")
    record = rateval.load(folder)
    assert record.status == "failed"
    assert record.error is not None
    assert "File too large" in record.error
    assert [cell.key.finetuner for cell in record.cells] == ["zs"]
    assert hidden("runs") == []
    assert main(["run", "spec.toml", "-q"]) == 0
    assert not Path("runs/store/finetune-unfinished").exists()


def full(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def spec() -> dict[str, Any]:
    found = tomllib.loads(SPEC)
    return found | {"finetune": found["finetune"][:1], "faithfulness": {"images": 2, "steps": 2}}


@pytest.mark.parametrize("stage", ["infer", "judge", "faithfulness"])
def test_whatever_a_stage_writes_is_named(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Writer(pq.ParquetWriter):  # type: ignore[misc]  # pyarrow has no types
        def __init__(self, where: Path, *rest: Any, **more: Any) -> None:
            super().__init__(where, *rest, **more)
            if stage in where.parts:
                self.write = full

    monkeypatch.setattr("rateval.store.rows.pq.ParquetWriter", Writer)
    with pytest.raises(StudyError, match=f"^runs/store/{stage}/.*: cannot be written to: No space"):
        rateval.run(spec())
    (folder,) = Path("runs").glob("tiny-*")
    assert rateval.load(folder).status == "failed"
    assert hidden("runs") == []


@pytest.mark.parametrize("name", [None, "/elsewhere/cache"])
def test_a_full_disk_of_a_plugin_is_its_own(
    name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge_batch(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", name)

    monkeypatch.setattr("rateval.stages.judge.judge_batch", judge_batch)
    record = rateval.run(spec())
    assert record.status == "failed"
    (failure,) = record.failures
    assert failure.stage == "judge"
    assert failure.error.startswith("OSError: ")
    assert "--output" not in failure.error
    assert "Traceback" in (record.path / "run.log").read_text(encoding="utf-8")


def test_what_a_stage_itself_opens_in_the_store_is_the_output_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def judge(validator: Any, inferred: Path, *rest: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(inferred.absolute() / "x"))

    monkeypatch.setattr("rateval.engine.doing.steps.judge", judge)
    with pytest.raises(StudyError, match="/x: cannot be written to: Read-only file system"):
        rateval.run(spec())
