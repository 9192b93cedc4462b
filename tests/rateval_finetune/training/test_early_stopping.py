from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch

from rateval.api import Classifier, RatevalError
from rateval.testing import RecordingLogbook, tiny_model

Make = Callable[..., Any]
Fit = Callable[..., dict[str, torch.Tensor]]
State = dict[str, torch.Tensor]
METHODS = ("lp", "flcp", "ft", "lp-ft", "lora")


class Keeping(RecordingLogbook):
    """Keep the state of each epoch's classifier, besides."""

    def __init__(self, scores: Any) -> None:
        super().__init__(scores)
        self.states: list[State] = []

    def examine(self, classifier: Classifier) -> Mapping[str, float | None]:
        self.states.append(classifier.state())
        return super().examine(classifier)


def scores(name: str, *values: float | None) -> list[dict[str, float | None]]:
    other = {"accuracy": "pt", "pt": "accuracy"}[name]
    return [{name: value, other: -float(at)} for at, value in enumerate(values)]


def equal(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("stop_by", ["accuracy", "pt"])
def test_the_best_epochs_weights_are_kept(name: str, stop_by: str, make: Make, fit: Fit) -> None:
    logbook = Keeping(scores(stop_by, 0.5, 0.7, 0.6, 0.7, 0.9, 0.9))
    state = fit(make(name, epochs=6, stop_by=stop_by, patience=2), logbook=logbook)
    # The fourth is no better than the second: two epochs without a better one end it.
    assert [epoch.number for epoch in logbook.epochs] == [1, 2, 3, 4]
    assert [epoch.held_out[stop_by] for epoch in logbook.epochs] == [0.5, 0.7, 0.6, 0.7]
    assert equal(state, logbook.states[1])
    assert not equal(state, logbook.states[3])
    assert logbook.done == logbook.totals[0]
    assert logbook.notes[-1] == "stopped early"


def test_a_score_that_keeps_rising_trains_to_the_end(make: Make, fit: Fit) -> None:
    logbook = Keeping(scores("pt", 0.1, 0.2, 0.3))
    state = fit(make(epochs=3, stop_by="pt", patience=1), logbook=logbook)
    assert len(logbook.epochs) == 3
    assert equal(state, logbook.states[2])
    assert "stopped early" not in logbook.notes


def test_a_best_epoch_in_the_middle_is_kept_without_stopping(make: Make, fit: Fit) -> None:
    logbook = Keeping(scores("accuracy", 0.1, 0.3, 0.2))
    state = fit(make(epochs=3, stop_by="accuracy", patience=5), logbook=logbook)
    assert len(logbook.epochs) == 3
    assert equal(state, logbook.states[1])


def test_an_undefined_score_is_never_the_best(make: Make, fit: Fit) -> None:
    logbook = Keeping(scores("pt", None, 0.0, None, None))
    state = fit(make(epochs=4, stop_by="pt", patience=2), logbook=logbook)
    assert len(logbook.epochs) == 4
    assert equal(state, logbook.states[1])


def test_scores_that_are_all_undefined_stop_and_keep_the_last(make: Make, fit: Fit) -> None:
    logbook = Keeping(scores("pt", None, None, None, None))
    state = fit(make(epochs=4, stop_by="pt", patience=2), logbook=logbook)
    assert len(logbook.epochs) == 2
    assert equal(state, logbook.states[1])


def test_without_stop_by_scores_are_recorded_and_change_nothing(make: Make, fit: Fit) -> None:
    said = scores("accuracy", 0.9, 0.1, 0.1)
    logbook, blind = Keeping(said), RecordingLogbook()
    state = fit(make(epochs=3), logbook=logbook)
    assert [epoch.held_out for epoch in logbook.epochs] == said
    assert equal(state, fit(make(epochs=3), logbook=blind))
    assert [epoch.held_out for epoch in blind.epochs] == [{}, {}, {}]


@pytest.mark.parametrize("name", [*METHODS, "wise-ft"])
def test_what_is_validated_is_in_eval_mode(name: str, make: Make, data: Any) -> None:
    model = tiny_model()

    class Strict(RecordingLogbook):
        def examine(self, classifier: Classifier) -> Mapping[str, float | None]:
            assert classifier.model is model
            assert not any(part.training for part in model.module.modules())
            model.module.requires_grad_(True)  # a careless one; the next epoch trains the same
            return super().examine(classifier)

    fitted = make(name).fit(model, data.train, data.classes, Strict([{"accuracy": 0.5}] * 4))
    plain = make(name).fit(tiny_model(), data.train, data.classes, RecordingLogbook())
    if name != "lp":
        assert equal(fitted.state(), plain.state())


def test_training_mode_comes_back_after_validation(make: Make, data: Any) -> None:
    model = tiny_model()
    modes: list[bool] = []
    plain = model.features

    def watching(images: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled() and len(images) > 1:
            modes.append(model.tower.training)
            assert not model.text_tower.training
        return plain(images)

    model.features = watching  # type: ignore[method-assign]
    held = RecordingLogbook([{"accuracy": 0.5}] * 4)
    make(batch_size=26, epochs=3).fit(model, data.train, data.classes, held)
    assert modes == [True, True, True]


@pytest.mark.parametrize("name", [*METHODS, "wise-ft"])
def test_stop_by_needs_a_table_validation(name: str, make: Make, fit: Fit) -> None:
    message = (
        rf'^{name}: stop_by = "pt": the study holds no samples out to score; add a table '
        r"\[held_out\] to its spec"
    )
    with pytest.raises(RatevalError, match=message):
        fit(make(name, stop_by="pt"))


def test_stop_by_names_a_score_of_the_study(make: Make, fit: Fit) -> None:
    logbook = RecordingLogbook([{"accuracy": 0.5, "ir": 0.2}])
    message = r'^ft: stop_by = "pt": unknown; .* scored by accuracy, ir: name one of them, or add'
    with pytest.raises(RatevalError, match=message):
        fit(make(stop_by="pt"), logbook=logbook)
    assert not logbook.totals
