from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from rateval.api.protocols import Classifier
from rateval.api.values import Epoch
from rateval.testing import RecordingLogbook, tiny_classifier
from rateval.training.logbook import FolderLogbook

TENSORS = {"weights.a": torch.arange(6.0).reshape(2, 3), "optimizer.0.step": torch.tensor(4)}
FACTS = {"epoch": 2, "best": 0.1 + 0.2, "scaler": None, "names": ["a", "ü"]}
EPOCHS = [
    Epoch(1, 2.5, 0.25, 1e-3),
    Epoch(2, 1 / 3, None, 5e-4, {"accuracy": 0.5, "pt": None}),
]


class Clock:
    """A clock that is put forward."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()


def patient(folder: Path, monitor: RecordingLogbook | None = None) -> FolderLogbook:
    """Make a logbook that goes by the test's clock."""
    return FolderLogbook(monitor or RecordingLogbook(), folder, clock=CLOCK)


def save(logbook: FolderLogbook, tensors: Any, facts: Any) -> None:
    """Save a state hours after the one before, and wait until it is kept."""
    CLOCK.now += 10_000
    with logbook:
        logbook.save(tensors, facts)


def saved(folder: Path) -> FolderLogbook:
    logbook = patient(folder)
    for epoch in EPOCHS:
        logbook.record(epoch)
    save(logbook, TENSORS, FACTS)
    return logbook


def test_a_saved_state_comes_back_with_its_curve(tmp_path: Path) -> None:
    saved(tmp_path / "a" / "state")
    going_on = FolderLogbook(RecordingLogbook(), tmp_path / "a" / "state")
    kept = going_on.resume()
    assert kept is not None
    tensors, facts = kept
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].equal(tensor)
        assert tensors[name].dtype == tensor.dtype
    assert facts == FACTS
    assert going_on.epochs == EPOCHS
    going_on.record(Epoch(3, 0.1, 1.0, 1e-4))
    assert [epoch.number for epoch in going_on.epochs] == [1, 2, 3]


def test_without_a_state_there_is_nothing_to_resume(tmp_path: Path) -> None:
    logbook = FolderLogbook(RecordingLogbook(), tmp_path / "none")
    assert logbook.resume() is None
    assert logbook.epochs == []
    (tmp_path / "none").mkdir()
    assert logbook.resume() is None


def test_the_last_of_several_states_counts(tmp_path: Path) -> None:
    logbook = saved(tmp_path)
    logbook.record(Epoch(3, 0.1, 1.0, 1e-4))
    save(logbook, {"other": torch.ones(1)}, {"epoch": 3})
    kept = FolderLogbook(RecordingLogbook(), tmp_path).resume()
    assert kept is not None
    assert list(kept[0]) == ["other"]
    assert kept[1] == {"epoch": 3}
    (path,) = tmp_path.iterdir()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.name == f"000003-{digest}.safetensors"


@pytest.mark.parametrize("when", ["before", "half", "after"])
def test_an_interrupted_save_leaves_the_state_before(
    when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logbook = saved(tmp_path)
    plain = safetensors.torch.save_file

    def interrupted(tensors: Any, path: Path, *, metadata: Any) -> None:
        if when == "half":
            path.write_bytes(b"\x99" * 7)
        if when == "after":
            plain(tensors, path, metadata)
        raise KeyboardInterrupt

    monkeypatch.setattr("rateval.modelkit.writing.save_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(logbook, {"weights.a": torch.zeros(2, 3)}, {"epoch": 3})
    going_on = patient(tmp_path)
    kept = going_on.resume()
    assert kept is not None
    assert kept[0]["weights.a"].equal(TENSORS["weights.a"])
    assert kept[1] == FACTS
    assert going_on.epochs == EPOCHS
    monkeypatch.undo()
    save(going_on, {"weights.a": torch.zeros(2, 3)}, {"epoch": 3})
    again = FolderLogbook(RecordingLogbook(), tmp_path).resume()
    assert again is not None
    assert again[1] == {"epoch": 3}


def test_tensors_of_any_layout_are_kept(tmp_path: Path) -> None:
    logbook = FolderLogbook(RecordingLogbook(), tmp_path)
    weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
    save(logbook, {"turned": weight.T, "empty": torch.empty(0, 3)}, {})
    kept = logbook.resume()
    assert kept is not None
    assert kept[0]["turned"].equal(weight.detach().T)
    assert kept[0]["empty"].shape == (0, 3)
    assert not kept[0]["turned"].requires_grad


def test_facts_that_are_no_json_are_refused_and_the_state_before_stays(tmp_path: Path) -> None:
    logbook = saved(tmp_path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        logbook.save(TENSORS, {"best": float("nan")})
    kept = logbook.resume()
    assert kept is not None
    assert kept[1] == FACTS


def test_progress_goes_to_the_monitor_and_what_was_told_stays(tmp_path: Path) -> None:
    monitor = RecordingLogbook()
    logbook = FolderLogbook(monitor, tmp_path)
    logbook.begin(10)
    logbook.advance(4, "loss 0.5")
    logbook.tell("alpha", 0.5)
    assert (monitor.totals, monitor.done, monitor.notes) == ([10], 4, ["loss 0.5"])
    assert logbook.told == {"alpha": 0.5}


def test_it_validates_by_what_it_was_given(tmp_path: Path) -> None:
    classifier = tiny_classifier()
    blind = FolderLogbook(RecordingLogbook(), tmp_path)
    assert blind.examine(classifier) == {}
    assert blind.examined == ()
    asked: list[Classifier] = []

    def examine(classifier: Classifier) -> dict[str, float | None]:
        asked.append(classifier)
        return {"accuracy": 0.5}

    seeing = FolderLogbook(RecordingLogbook(), tmp_path, examine, ("accuracy",))
    assert seeing.examine(classifier) == {"accuracy": 0.5}
    assert asked == [classifier]
    assert seeing.examined == ("accuracy",)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def replace_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [flip, cut, empty, replace_by_a_folder])
def test_a_damaged_state_is_told_and_not_gone_on_from(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    saved(tmp_path)
    (path,) = tmp_path.iterdir()
    damage(path)
    monitor = RecordingLogbook()
    logbook = patient(tmp_path, monitor)
    assert logbook.resume() is None
    assert logbook.epochs == []
    (note,) = monitor.notes
    assert str(path) in note
    save(logbook, TENSORS, FACTS)
    assert len(list(tmp_path.iterdir())) == 1
    assert FolderLogbook(RecordingLogbook(), tmp_path).resume() is not None


def test_of_two_states_that_a_kill_left_the_last_whole_one_counts(tmp_path: Path) -> None:
    logbook = saved(tmp_path)
    (first,) = tmp_path.iterdir()
    kept = first.read_bytes()
    logbook.record(Epoch(3, 0.1, 1.0, 1e-4))
    save(logbook, {"other": torch.ones(1)}, {"epoch": 3})
    (second,) = tmp_path.iterdir()
    first.write_bytes(kept)
    again = FolderLogbook(RecordingLogbook(), tmp_path).resume()
    assert again is not None
    assert again[1] == {"epoch": 3}
    flip(second)
    again = FolderLogbook(RecordingLogbook(), tmp_path).resume()
    assert again is not None
    assert again[1] == FACTS
