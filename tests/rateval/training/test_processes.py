"""Several processes that share a training: what they come to, and how they end."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

import rateval
from rateval.errors import RatevalError, StudyError
from rateval.machine.processes import end_with_parent
from rateval.records.about.trainings import EpochRecord
from rateval.records.facts import FinetuneFacts
from rateval.records.run import RunRecord
from rateval.records.scores.cell import SkippedRecord
from rateval.training import processes
from rateval.training.processes import fit_together, require_processes

SHAPES = {"use": "shapes", "train_size": 59, "test_size": 40}
STEPS = {"epochs": 2, "batch_size": 14, "schedule": "cosine", "warmup": 0.2}


def spec(dataset: dict[str, Any], model: str, *finetune: dict[str, Any]) -> dict[str, Any]:
    return {
        "study": {"name": "shared"},
        "dataset": [dataset],
        "model": [{"use": model}],
        "finetune": list(finetune),
        "run": {"device": "cpu"},
    }


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run_both(study: dict[str, Any]) -> tuple[RunRecord, RunRecord]:
    alone = rateval.run(study, output="alone")
    together = rateval.run(study, output="together", processes=2)
    assert not any(stage.reused for stage in together.stages if stage.stage == "finetune")
    assert not multiprocessing.active_children()
    return alone, together


def require_equal(alone: RunRecord, together: RunRecord, tolerance: float) -> None:
    """Compare curves and probabilities; ``tolerance`` is of the latter."""
    assert len(alone.trainings) == len(together.trainings) > 0
    for one, other in zip(alone.trainings, together.trainings, strict=True):
        assert one.classifier == other.classifier
        for epoch, same in zip(one.epochs, other.epochs, strict=True):
            assert same.loss == pytest.approx(epoch.loss, rel=1e-5)
            assert same.lr == epoch.lr
            assert same.accuracy == epoch.accuracy
            assert same.held_out == epoch.held_out
    for cell, same_cell in zip(alone.cells, together.cells, strict=True):
        rows = [r.rows(c)["probabilities"] for r, c in ((alone, cell), (together, same_cell))]
        theirs, ours = (np.array(column.to_pylist()) for column in rows)
        assert np.abs(theirs - ours).max() < tolerance


@pytest.mark.slow
def test_two_processes_come_to_the_result_of_one() -> None:
    """With 59 samples in steps of 14, one process has a sample more in the last step of three."""
    study = spec(
        SHAPES,
        "clip",
        {"use": "ft", "lr": 1e-4, "head_lr": 1e-3, "clip_norm": 0.5, **STEPS},
        # A learnt temperature, and what a row of padding must not spoil.
        {"use": "flcp", "lr": 1e-4, "temperature": "learnt", **STEPS},
    )
    alone, together = run_both(study)
    assert [len(curve.epochs) for curve in alone.trainings] == [2, 2]
    require_equal(alone, together, 1e-4)


@pytest.mark.slow
def test_skipped_samples_scores_and_masks_are_those_of_one_process(acme: Path) -> None:
    squares = {"use": "squares", "train": 31, "unreadable": 4}
    study = spec(
        squares,
        "tiny",
        {"use": "evidence-ft", "lr": 1e-3, "accumulate": 2, "stop_by": "accuracy", **STEPS},
        {"use": "lp", "lr": 1e-2, "epochs": 3},
    )
    study["held_out"] = {"images": 5}
    alone, together = run_both(study)
    for one, other in zip(alone.cells, together.cells, strict=True):
        assert other.skipped_in_training
        assert set(other.skipped_in_training) == set(one.skipped_in_training)
        assert len(other.skipped_in_training) == len(one.skipped_in_training)
    assert set(alone.trainings[0].epochs[0].held_out) == {"accuracy", "pt", "ir"}
    require_equal(alone, together, 1e-4)


@pytest.mark.slow
def test_an_error_in_a_process_reaches_the_user(acme: Path) -> None:
    study = spec({"use": "squares", "without_mask": 24}, "tiny", {"use": "evidence-ft"})
    (failure,) = rateval.run(study, processes=2).failures
    assert (failure.stage, failure.label) == ("finetune", "tiny · evidence-ft")
    assert failure.error.startswith("evidence-ft: no training sample has an evidence")
    assert not multiprocessing.active_children()


def test_each_process_takes_a_device_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for count, device in ((64, "cpu"), (1, "mps"), (1, "cuda:1"), (2, "cuda")):
        require_processes(count, device)
    message = r'^run\.processes = 3: .* of "cuda" there are 2; use 2 or fewer, or --device cpu$'
    with pytest.raises(RatevalError, match=message):
        require_processes(3, "cuda")
    with pytest.raises(RatevalError, match=r'of "mps" there are 1; use 1 or fewer'):
        require_processes(2, "mps")


def test_what_processes_tell_is_merged() -> None:
    lost = [SkippedRecord(id=name, reason="gone") for name in ("a", "b", "c")]
    epoch = EpochRecord(number=1, loss=0.5, accuracy=None, lr=0.1, held_out={})
    first = FinetuneFacts(
        trained=True, curve=(epoch,), told={"alpha": 0.5}, skipped=(lost[0], lost[1])
    )
    second = FinetuneFacts(trained=True, curve=(), told={}, skipped=(lost[1], lost[2]))
    merged = processes._merge([first, second])
    assert merged == first.model_copy(update={"skipped": tuple(lost)})


class Monitor:
    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def begin(self, total: int) -> None:
        self.heard.append(("begin", total))

    def advance(self, samples: int, note: str = "") -> None:
        self.heard.append(("advance", samples, note))


class Member:
    """A process that does nothing, or is interrupted when it starts."""

    def __init__(self, exitcode: int | None = None, starts: bool = True) -> None:
        self.exitcode = exitcode
        self.starts = starts
        self.pid: int | None = None
        self.ended: list[str] = []

    def start(self) -> None:
        if not self.starts:
            raise KeyboardInterrupt
        self.pid = 1

    def terminate(self) -> None:
        assert self.pid, "a process that was not started has nothing to end"
        self.ended.append("terminate")

    def join(self, timeout: float | None = None) -> None:
        assert self.pid or timeout is not None
        self.ended.append("join")


class Messages(queue.Queue[tuple[Any, ...]]):
    """What was told; asked for more, somebody presses Ctrl-C."""

    def __init__(self, *told: tuple[Any, ...]) -> None:
        super().__init__()
        for message in told:
            self.put(message)

    def get(self, block: bool = True, timeout: float | None = None) -> tuple[Any, ...]:
        if self.empty():
            raise KeyboardInterrupt
        return super().get(block, timeout)


Listen = Callable[..., None]


@pytest.fixture
def listen() -> Listen:
    """Listen to members and messages."""

    def listen_to(members: list[Member], told: Any, monitor: Any = None) -> None:
        processes._listen(members, cast(Any, told), monitor or Monitor())

    return listen_to


def test_progress_is_passed_on_until_all_are_done(listen: Listen) -> None:
    told = Messages(
        ("begin", 20), ("done",), ("advance", 10, "epoch 1/2"), ("done",), ("advance", 10, "late")
    )
    monitor = Monitor()
    listen([Member(), Member()], told, monitor)
    assert monitor.heard == [("begin", 20), ("advance", 10, "epoch 1/2")]


def test_an_error_of_a_user_and_a_bug_differ(listen: Listen) -> None:
    with pytest.raises(RatevalError, match=r"^the loss is nan$"):
        listen([Member()], Messages(("refused", "the loss is nan")))
    with pytest.raises(StudyError, match=r"^runs/store: cannot be written to"):
        listen([Member()], Messages(("whole", "runs/store: cannot be written to: full")))
    with pytest.raises(RuntimeError, match=r"^a training process failed:\nTraceback .*\nKeyError"):
        listen([Member()], Messages(("failed", "Traceback (most recent)\nKeyError: 1")))


def test_a_process_that_was_killed_is_noticed(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "POLL_S", 0.01)
    told: queue.Queue[Any] = queue.Queue()
    told.put(("done",))  # the first one ended well
    message = r"^training process 1 of 2 ended with code -9, perhaps .* fewer run\.processes or"
    with pytest.raises(RatevalError, match=message):
        listen([Member(0), Member(-9)], told)


def test_a_killed_process_is_to_blame_and_not_those_that_lose_its_connection(
    listen: Listen,
) -> None:
    lost = Messages(("failed", "RuntimeError: Connection closed by peer"))
    with pytest.raises(RatevalError, match=r"^training process 1 of 2 ended with code -9"):
        listen([Member(0), Member(-9)], lost)


def test_the_last_words_of_a_process_are_heard(listen: Listen) -> None:
    """Its end may be seen before the queue has given out what it said."""
    told: queue.Queue[Any] = queue.Queue()
    told.put(("refused", "its last words"))
    processes._require_alive([Member(1)], cast(Any, told))
    with pytest.raises(RatevalError, match="its last words"):
        listen([Member(1)], told)


def test_a_process_ends_when_its_parent_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = Member()
    parent.start()

    def leave(code: int) -> None:
        assert parent.ended == ["join"]
        raise SystemExit(code)

    monkeypatch.setattr(multiprocessing, "parent_process", lambda: parent)
    monkeypatch.setattr("os._exit", leave)
    with pytest.raises(SystemExit):
        end_with_parent()


@pytest.mark.parametrize("started", [2, 1, 0])
def test_an_interruption_ends_the_processes_that_run(
    started: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[Member] = []

    class Spawning:
        def Queue(self) -> Messages:  # noqa: N802  # as multiprocessing calls it
            return Messages(("begin", 1))

        def Process(self, **arguments: Any) -> Member:  # noqa: N802
            assert arguments["daemon"]
            made.append(Member(starts=len(made) < started))
            return made[-1]

    monkeypatch.setattr(multiprocessing, "get_context", lambda method: Spawning())
    nothing: Any = None
    team = processes.Team(nothing, nothing, nothing, 2, tmp_path, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        fit_together(team, Monitor())
    assert [member.ended for member in made] == [
        ["terminate", "join"] if at < started else [] for at in range(2)
    ]
