"""States that are kept while the training goes on."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from rateval.api import Context
from rateval.api.values import Epoch
from rateval.errors import StudyError
from rateval.modelkit import writing
from rateval.testing import RecordingLogbook, tiny_dataset, tiny_model
from rateval.training import logbook as module
from rateval.training.logbook import FolderLogbook
from rateval_finetune.methods.full import make_full
from rateval_finetune.params import FtParams

Save = Callable[..., None]


class Held:
    """A writer of files that waits until it is let go of."""

    def __init__(self, plain: Save) -> None:
        self.plain, self.begun, self.go_on = plain, threading.Event(), threading.Event()
        self.error: Exception | None = None

    def __call__(self, *arguments: Any, **options: Any) -> None:
        self.begun.set()
        assert self.go_on.wait(60)
        if self.error is not None:
            raise self.error
        self.plain(*arguments, **options)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    held = Held(safetensors.torch.save_file)
    monkeypatch.setattr(writing, "save_file", held)
    return held


def epoch(logbook: FolderLogbook, number: int, weight: torch.Tensor) -> None:
    logbook.record(Epoch(number, 1.0, None, 1e-3))
    logbook.save({"weight": weight}, {"epoch": number})


def resumed(folder: Path) -> Any:
    kept = FolderLogbook(RecordingLogbook(), folder).resume()
    assert kept is not None
    return kept


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_ctrl_c_keeps_the_last_epoch_though_its_state_was_not_due(
    tmp_path: Path, error: type[BaseException]
) -> None:
    now = [0.0]
    weight = torch.zeros(1_000_000)  # 1 s apart on disk, 0.1 s in memory
    with (
        pytest.raises(error),
        FolderLogbook(RecordingLogbook(), tmp_path, clock=lambda: now[0]) as logbook,
    ):
        logbook.begin(100)
        for number in (1, 2):
            now[0] += 0.3
            weight += 1
            epoch(logbook, number, weight)
        weight += 1  # in the middle of the third
        raise error
    kept = FolderLogbook(RecordingLogbook(), tmp_path)
    found = kept.resume()
    if error is KeyboardInterrupt:
        assert found is not None
        assert found[1] == {"epoch": 2}
        assert bool((found[0]["weight"] == 2).all())
        assert [one.number for one in kept.epochs] == [1, 2]
    else:
        assert found is None


def test_a_state_on_disk_takes_the_place_of_one_in_memory(tmp_path: Path) -> None:
    now = [0.0]
    weight = torch.zeros(1_000_000)
    with (
        pytest.raises(KeyboardInterrupt),
        FolderLogbook(RecordingLogbook(), tmp_path, clock=lambda: now[0]) as logbook,
    ):
        logbook.begin(100)
        for number, later in enumerate((0.3, 0.8), 1):  # held, then written
            now[0] += later
            epoch(logbook, number, weight)
        raise KeyboardInterrupt
    assert resumed(tmp_path)[1] == {"epoch": 2}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 1e-9
        return self.now


def make(folder: Path) -> tuple[FolderLogbook, Clock]:
    """Make a logbook and its clock, by which nothing takes any time."""
    clock = Clock()
    logbook = FolderLogbook(RecordingLogbook(), folder, clock=clock)
    clock.now = 1.0
    logbook.begin(1000)
    return logbook, clock


def test_the_training_goes_on_and_what_is_kept_is_what_was_there(
    tmp_path: Path, held: Held
) -> None:
    logbook, clock = make(tmp_path)
    weight = torch.ones(3)
    with logbook:
        epoch(logbook, 1, weight)
        assert held.begun.wait(60)
        weight.mul_(7)
        logbook.advance(10)
        clock.now += 1
        epoch(logbook, 2, weight)  # passed over: one is in work
        weight.mul_(7)
        assert not list(tmp_path.glob("*.safetensors"))
        held.go_on.set()
    tensors, facts = resumed(tmp_path)
    assert tensors["weight"].equal(torch.ones(3))
    assert facts == {"epoch": 1}


def test_the_last_state_waits_for_the_one_in_work(tmp_path: Path, held: Held) -> None:
    logbook, clock = make(tmp_path)
    with logbook:
        epoch(logbook, 1, torch.ones(3))
        assert held.begun.wait(60)
        logbook.advance(1000)
        clock.now += 1
        threading.Timer(0.2, held.go_on.set).start()
        epoch(logbook, 2, 2 * torch.ones(3))
    assert resumed(tmp_path)[1] == {"epoch": 2}
    assert len(list(tmp_path.iterdir())) == 1


def test_states_are_kept_as_seldom_as_they_are_dear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logbook, clock = make(tmp_path)
    plain, kept = safetensors.torch.save_file, []

    def slow(*arguments: Any, **options: Any) -> None:
        plain(*arguments, **options)
        kept.append(len(logbook.epochs))
        clock.now += 5

    monkeypatch.setattr(writing, "save_file", slow)
    for number in range(1, 101):
        clock.now += 9.9
        epoch(logbook, number, torch.ones(1))
        logbook._behind.finish()
    assert kept == [1, 27, 53, 79]  # 250 s after the end of the one before
    logbook.advance(1000)
    epoch(logbook, 101, torch.ones(1))
    logbook._behind.finish()
    assert kept[-1] == 101


def test_without_room_for_a_copy_the_training_waits(
    tmp_path: Path, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_available", lambda: 23)
    logbook, _ = make(tmp_path)
    held.go_on.set()
    epoch(logbook, 1, torch.ones(3))  # 12 bytes
    assert not logbook._behind.is_busy
    assert resumed(tmp_path)[1] == {"epoch": 1}


@pytest.mark.parametrize("told_by", ["advance", "save", "end"])
def test_a_disk_that_refuses_is_told(told_by: str, tmp_path: Path, held: Held) -> None:
    logbook, _ = make(tmp_path)
    held.error = OSError(errno.ENOSPC, "anything")
    with pytest.raises(StudyError, match="cannot be written to: No space left on device"), logbook:
        epoch(logbook, 1, torch.ones(3))
        held.go_on.set()
        if told_by != "end":
            thread = logbook._behind._thread
            assert thread is not None
            thread.join()
            logbook.advance(1) if told_by == "advance" else epoch(logbook, 2, torch.ones(3))
            pytest.fail("nothing was raised")
    assert list(tmp_path.iterdir()) == []


def test_a_bug_behind_keeps_its_traceback(tmp_path: Path, held: Held) -> None:
    logbook, _ = make(tmp_path)
    held.error = ZeroDivisionError("a bug")
    held.go_on.set()
    with pytest.raises(ZeroDivisionError) as caught, logbook:
        epoch(logbook, 1, torch.ones(3))
    assert any(entry.name == "_write" for entry in caught.traceback)


def test_an_interrupted_training_waits_for_its_state_and_tells_of_nothing_else(
    tmp_path: Path, held: Held
) -> None:
    for number, error in enumerate([None, OSError(errno.ENOSPC, "no")]):
        folder = tmp_path / str(number)
        held.error = error
        held.go_on.clear()
        logbook, _ = make(folder)
        threading.Timer(0.2, held.go_on.set).start()
        with pytest.raises(KeyboardInterrupt), logbook:
            epoch(logbook, 1, torch.ones(3))
            raise KeyboardInterrupt
        assert not logbook._behind.is_busy
        assert len(list(folder.iterdir())) == (error is None)


KILLED = """
import sys, time
from pathlib import Path
import test_saving as tests
from rateval.modelkit import writing
from rateval.training import logbook as module

def stop():
    print("now", flush=True)
    time.sleep(600)

when, folder = sys.argv[1], Path(sys.argv[2])
logbook = tests.LongEpochs(folder)
plain, plain_remove = writing.save_file, module.remove

def save(tensors, path, metadata):
    if len(logbook.epochs) >= 2 and when == "half":
        path.write_bytes(b"half of it")
        stop()
    plain(tensors, path, metadata)
    if len(logbook.epochs) >= 2 and when == "written":
        stop()

def remove(path):
    if when == "renamed":
        stop()
    plain_remove(path)

writing.save_file, module.remove = save, remove
tests.train(logbook)
time.sleep(600)
"""


class LongEpochs(FolderLogbook):
    """A logbook for which every epoch takes days, and its state is kept at once."""

    def __init__(self, folder: Path) -> None:
        super().__init__(RecordingLogbook(), folder, clock=lambda: 1e6 * len(self.epochs))

    epochs: list[Epoch] = []  # noqa: RUF012  # the clock is asked before there are any

    def record(self, epoch: Epoch) -> None:
        self._behind.finish()
        super().record(epoch)


def train(logbook: Any) -> dict[str, torch.Tensor]:
    data = tiny_dataset(train=26)
    params = FtParams(epochs=4, batch_size=10, lr=1e-3)
    method = make_full(params, Context(seed=0))
    return method.fit(tiny_model(), data.train, data.classes, logbook).state()


@pytest.mark.parametrize("when", ["half", "written", "renamed"])
def test_a_kill_while_a_state_is_written_loses_nothing(when: str, tmp_path: Path) -> None:
    program = [sys.executable, "-c", KILLED, when, str(tmp_path)]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, cwd=Path(__file__).parent, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    states = list(tmp_path.glob("*.safetensors"))
    assert len(states) == (2 if when == "renamed" else 1)
    assert len(list(tmp_path.glob(".*.part"))) == (0 if when == "renamed" else 1)
    monitor = RecordingLogbook()
    with FolderLogbook(monitor, tmp_path) as going_on:
        state = train(going_on)
    assert any(note.startswith("going on after epoch") for note in monitor.notes)
    whole = train(RecordingLogbook())
    assert all(state[name].equal(whole[name]) for name in whole)
    assert [epoch.number for epoch in going_on.epochs] == [1, 2, 3, 4]
