"""What jobs and their run tell each other by files: ends and progress, also damaged ones."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("submitit")

from rateval.api import StageRecord, StepEnd
from rateval_slurm.desk import Desk, Listening, Telling
from rateval_slurm.lost import tail

LOAD = StageRecord(stage="load", label="clip", identity="9", reused=False, seconds=1.5)
FAILED = StepEnd(
    "b",
    0.5,
    error="ValueError: no",
    traceback="T\n",
    culprit='model "x"',
    whole=True,
    loads=(LOAD,),
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "steps")
    desk.make()
    return desk


@pytest.mark.parametrize("end", [StepEnd("a", 1.25, reused=True), FAILED])
def test_an_end_comes_back_as_it_was(end: StepEnd, desk: Desk) -> None:
    assert desk.ended() == set()
    desk.write_end(12, end)
    assert desk.ended() == {12}
    assert desk.read_end(12, end.identity) == end
    (path,) = desk.folder.iterdir()  # and nothing half written beside it
    assert json.loads(path.read_text())["identity"] == end.identity


def test_what_is_no_text_is_written_out(desk: Desk) -> None:
    desk.write_end(0, StepEnd("a", 0.0, error="file \udcff.png"))
    assert desk.read_end(0, "a").error == "file \\udcff.png"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "cannot be read as a step's end"),
        (b'{"identity": "a"}', "cannot be read as a step's end"),
        (b'{"identity": "a", "seconds": "soon"}', "cannot be read as a step's end"),
        (b"\x80\x04}.", "cannot be read as a step's end"),
        (b'{"identity": "b", "seconds": 1.0}', "is the end of another step"),
    ],
)
def test_what_is_no_end_is_an_end_that_says_so(content: bytes, complaint: str, desk: Desk) -> None:
    (desk.folder / "000003.end.json").write_bytes(content)
    end = desk.read_end(3, "a")
    assert end.identity == "a"
    assert end.error is not None
    assert complaint in end.error


def test_names_that_are_not_ours_are_passed_over(desk: Desk) -> None:
    for name in ("x.end.json", "000001.end.json.77.part", "000002.progress.jsonl"):
        (desk.folder / name).touch()
    assert desk.ended() == set()


def test_progress_is_heard_once_and_in_whole_lines(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = desk.progress(0)
    listening = Listening(path)
    assert list(listening.told()) == []
    telling = Telling(path)
    telling.begin(10)
    telling.advance(0, "weights were left out")
    told = list(listening.told())
    assert told[0][0] == "work"
    assert told[1:] == [("begin", 10), ("advance", 0, "weights were left out")]
    for _ in range(3):
        telling.advance(2, "loss 0.5")
    assert list(listening.told()) == []  # too soon to be written
    later = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: later)
    telling.advance(1)
    telling.advance(1)
    telling.flush()
    assert list(listening.told()) == [("advance", 7, "loss 0.5"), ("advance", 1, "")]
    with path.open("ab") as file:
        file.write(b'["advance", 1, ""]\nnonsense\n["rm", 1]\n["advance", 2]\n["adv')
    assert list(listening.told()) == [("advance", 1, "")]


def test_progress_that_cannot_be_written_disturbs_nobody(tmp_path: Path) -> None:
    telling: Any = Telling(tmp_path / "no such folder" / "file")
    telling.begin(1)
    telling.advance(1)
    telling.flush()


def test_the_tail_of_a_log_is_its_last_lines_with_anything(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == []
    log.write_bytes(b"x\n" * 20_000 + b"\n  \xff\x1b[2J \nend\n\n")
    found = tail(log)
    assert len(found) == 40
    assert found[-3:] == ["x", "  \ufffd [2J", "end"]
