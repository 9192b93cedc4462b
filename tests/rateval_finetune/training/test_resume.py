from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rateval.testing import RecordingLogbook, TinyModel, tiny_model
from rateval.training.logbook import FolderLogbook

Make = Callable[..., Any]
Fit = Callable[..., dict[str, torch.Tensor]]
State = dict[str, torch.Tensor]
METHODS = ("lp", "flcp", "ft", "lp-ft", "wise-ft", "lora")
EVERYTHING: dict[str, Any] = {
    "epochs": 4,
    "schedule": "cosine",
    "warmup": 0.3,
    "optimizer": "adamw",
    "weight_decay": 0.1,
    "clip_norm": 0.5,
    "augment": "published",
    "background_swap": 0.5,
    "accumulate": 2,
}


def equal(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def interrupted(
    fit: Fit, method: Any, after: int, scores: Any = (), model: Callable[[], TinyModel] = tiny_model
) -> tuple[State, RecordingLogbook]:
    """Stop after so many epochs, and go on in a new process, as it were."""
    first = RecordingLogbook(scores, interrupt_after=after)
    with pytest.raises(KeyboardInterrupt):
        fit(method, model(), first)
    torch.manual_seed(99)
    going_on = RecordingLogbook(scores[after:], kept=first.kept)
    going_on.examined = first.examined
    state = fit(method, model(), going_on)
    assert going_on.done == going_on.totals[0] == first.totals[0]
    return state, going_on


@pytest.mark.parametrize("name", METHODS)
def test_going_on_comes_to_the_same_bits(name: str, make: Make, fit: Fit) -> None:
    method = make(name, **(EVERYTHING | {"background_swap": 0.0 if name == "lp-ft" else 0.5}))
    logbook = RecordingLogbook()
    whole = fit(method, logbook=logbook)
    for after in (1, 3):
        state, going_on = interrupted(fit, method, after)
        assert equal(state, whole)
        assert going_on.epochs == logbook.epochs[after:]
        assert f"going on after epoch {after}" in going_on.notes


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_at_every_epoch_with_early_stopping(after: int, make: Make, fit: Fit) -> None:
    """Best at the second epoch; the fourth one ends it, at whose end there is nothing left."""
    said = [{"pt": value} for value in (0.3, 0.8, None, 0.7, 0.9, 0.9)]
    method = make(epochs=6, stop_by="pt", patience=2)
    logbook = RecordingLogbook(said)
    whole = fit(method, logbook=logbook)
    assert len(logbook.epochs) == 4
    state, going_on = interrupted(fit, method, after, said)
    assert equal(state, whole)
    assert going_on.epochs == logbook.epochs[after:]


@pytest.mark.parametrize("name", ["lp", "lp-ft", "flcp", "lora"])
def test_with_early_stopping_by_other_methods(name: str, make: Make, fit: Fit) -> None:
    said = [{"accuracy": value} for value in (0.8, 0.3, 0.2)]
    method = make(name, epochs=5, stop_by="accuracy", patience=2)
    whole = fit(method, logbook=RecordingLogbook(said))
    assert equal(interrupted(fit, method, 2, said)[0], whole)


def test_dropout_goes_on_too(make: Make, fit: Fit) -> None:
    def dropping() -> TinyModel:
        model = tiny_model()
        model.tower.norm = torch.nn.Sequential(model.tower.norm, torch.nn.Dropout(0.3))  # type: ignore[assignment]
        model.module.eval()
        return model

    method = make(epochs=3)
    whole = fit(method, dropping())
    assert equal(interrupted(fit, method, 1, model=dropping)[0], whole)


@pytest.mark.usefixtures("native_bfloat16")
def test_bfloat16_goes_on_too(make: Make, fit: Fit) -> None:
    method = make(epochs=3, precision="bfloat16")
    assert equal(interrupted(fit, method, 2)[0], fit(method))


def test_an_interruption_within_an_epoch_repeats_that_epoch(make: Make, fit: Fit) -> None:
    class Cut(RecordingLogbook):
        def advance(self, samples: int, note: str = "") -> None:
            super().advance(samples, note)
            if note.startswith("epoch 2/3") and self.done == 26 + 20:
                raise KeyboardInterrupt

    method, cut = make(epochs=3), Cut()
    with pytest.raises(KeyboardInterrupt):
        fit(method, logbook=cut)
    assert cut.saved == 1
    assert equal(fit(method, logbook=RecordingLogbook(kept=cut.kept)), fit(method))


class Impatient(FolderLogbook):
    """Press Ctrl-C when the state of the second epoch is safe on disk."""

    def save(self, *arguments: Any) -> None:
        super().save(*arguments)
        if len(self.epochs) == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", METHODS)
def test_through_files(name: str, make: Make, data: Any, fit: Fit, tmp_path: Path) -> None:
    method = make(name, epochs=3)
    folder = tmp_path / "unfinished"
    monitor = RecordingLogbook()
    with pytest.raises(KeyboardInterrupt):
        method.fit(tiny_model(), data.train, data.classes, Impatient(monitor, folder))
    going_on = FolderLogbook(RecordingLogbook(), folder)
    state = method.fit(tiny_model(), data.train, data.classes, going_on).state()
    whole = RecordingLogbook()
    assert equal(state, fit(method, logbook=whole))
    assert going_on.epochs == whole.epochs  # the first two were read from the file
