"""The suite of attributions of texts: sound ones pass, each broken promise is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import rateval
from rateval.api import Explanation
from rateval.api.tasks.texts import Answered, Answerer, TokenScores
from rateval.testing import (
    ConformanceError,
    check_attribution,
    check_text_attribution,
    check_text_model,
    tiny_answerer,
    tiny_text_model,
)


class BySlope:
    """Patches by the slope of what is explained of an answer; keeps every promise."""

    spans = True

    def explain_answers(self, answerer: Answerer, answered: Answered) -> Explanation:
        with torch.inference_mode(False), torch.enable_grad():
            images = answered.images.clone().detach().requires_grad_()
            scores = answerer.model.score(images, answered.questions, answered.answers)
            chosen = self.choose(scores, answered)
            (slope,) = torch.autograd.grad(scores.log_probabilities[chosen].sum(), images)
        by_patch = F.avg_pool2d(slope.abs().sum(dim=1), 4)
        return self.finish(by_patch, answerer, answered)

    def choose(self, scores: TokenScores, answered: Answered) -> torch.Tensor:
        chosen = torch.zeros_like(scores.log_probabilities, dtype=torch.bool)
        for row, tokens in enumerate(scores.spans):
            if answered.spans is None or not self.spans:
                chosen[row, : len(tokens)] = True
                continue
            start, stop = answered.spans[row]
            for at, (low, high) in enumerate(tokens):
                chosen[row, at] = low < stop and high > start
        return chosen

    def finish(self, maps: torch.Tensor, answerer: Answerer, answered: Answered) -> Explanation:
        return Explanation(maps)


class Changed(BySlope):
    """An attribution whose maps are changed on the way out."""

    def __init__(self, change: Callable[[torch.Tensor, Answered], Any]) -> None:
        self.change = change

    def finish(self, maps: torch.Tensor, answerer: Answerer, answered: Answered) -> Explanation:
        return Explanation(self.change(maps, answered))


class Doing(BySlope):
    """An attribution that does something to the model before it is done."""

    def __init__(self, do: Callable[[Any, Answered], Any]) -> None:
        self.do = do

    def finish(self, maps: torch.Tensor, answerer: Answerer, answered: Answered) -> Explanation:
        self.do(answerer.model, answered)
        return Explanation(maps)


class Bare(BySlope):
    def explain_answers(self, answerer: Answerer, answered: Answered) -> Any:
        return super().explain_answers(answerer, answered).relevance


class WithoutAnswers(BySlope):
    def explain_answers(self, answerer: Answerer) -> Explanation:  # type: ignore[override]
        raise NotImplementedError


class Logical(BySlope):
    def finish(self, maps: torch.Tensor, answerer: Answerer, answered: Answered) -> Explanation:
        return Explanation(maps, torch.zeros(len(maps), 2))


class Deaf(BySlope):
    """It explains the whole answer, whatever is asked for."""

    spans = False


class ByPlace(BySlope):
    """It reads where an answer's first token stands, which the side of padding decides."""

    def finish(self, maps: torch.Tensor, answerer: Answerer, answered: Answered) -> Explanation:
        with answerer.model.record_flow() as flow, torch.no_grad():
            answerer.model.score(answered.images, answered.questions, answered.answers)
        assert flow.reading is not None
        first = flow.reading.long().argmax(dim=1)
        return Explanation(maps * (1 + first[:, None, None]))


def scales(by: Callable[[Answered], Any]) -> Changed:
    """Return an attribution whose maps are multiplied by what the batch says."""
    return Changed(lambda maps, answered: maps * by(answered))


def accumulate(model: Any, answered: Answered) -> None:
    with torch.inference_mode(False), torch.enable_grad():
        images = answered.images.clone()
        scores = model.score(images, answered.questions, answered.answers)
        scores.log_probabilities.sum().backward()


def damage(model: Any, answered: Answered) -> None:
    with torch.no_grad():
        next(model.module.parameters()).add_(0.1)


def stay(model: Any, answered: Answered) -> None:
    inner = type(model).score.__get__(model)

    def score(*given: Any) -> TokenScores:
        found: TokenScores = inner(*given)
        return replace(found, log_probabilities=found.log_probabilities * 2)

    model.score = score


def switch_off(model: Any, answered: Answered) -> None:
    torch.set_grad_enabled(False)


@pytest.fixture(autouse=True)
def _gradients() -> Any:
    yield
    torch.set_grad_enabled(True)


@pytest.mark.parametrize("form", ["vqa", "caption", "decoder"])
def test_a_sound_attribution_passes(form: Any) -> None:
    check_text_attribution(BySlope(), form)


def test_what_serves_texts_is_dispatched() -> None:
    both: Any = Deaf()
    with pytest.raises(ConformanceError, match="explain the words that spans name"):
        check_attribution(both, tasks=("vqa",))
    with pytest.raises(ConformanceError, match="must offer explain; got no explain"):
        check_attribution(both)
    check_attribution(both, tasks=("something else",))


@pytest.mark.parametrize("form", ["vqa", "caption", "decoder"])
@pytest.mark.parametrize("pad", ["left", "right"])
def test_the_tiny_model_is_a_sound_one(form: Any, pad: Any) -> None:
    check_text_model(tiny_text_model(form, 3, pad=pad))


def test_maps_of_files_and_of_no_model_pass(tmp_path: Path) -> None:
    ids = ("a", "b", "c")
    maps = np.random.default_rng(0).random((3, 2, 3), dtype=np.float32)
    np.savez(tmp_path / "maps.npz", ids=np.array(ids), relevance=maps)
    path = str(tmp_path / "maps.npz")
    made: Any = rateval.create("attribution", "precomputed", path=path)
    check_text_attribution(made, ids=ids)
    flat: Any = Changed(lambda maps, answered: torch.ones_like(maps))
    check_text_attribution(flat)


@pytest.mark.parametrize(
    ("attribution", "message"),
    [
        (object(), "TextAttribution: object must offer explain_answers"),
        (Bare(), "explain_answers must return an Explanation"),
        (WithoutAnswers(), r"callable as \(answerer, answered\); got explain_answers\("),
        (Logical(), "Explanation.logits must be None"),
        (Changed(lambda maps, _: maps.mT), r"here \(3, 2, 3\); got \(3, 3, 2\) float32"),
        (Changed(lambda maps, _: maps.double()), r"got \(3, 2, 3\) float64"),
        (Changed(lambda maps, _: maps / 0), "Explanation.relevance must be finite; got 18 that"),
        (Changed(lambda maps, _: maps - 9), "must not be negative; got -"),
        (Changed(lambda maps, _: maps.requires_grad_()), "Explanation must be detached"),
        (Changed(lambda maps, _: maps / maps.sum()), "not depend on the rest of the batch"),
        (Changed(lambda maps, _: maps + torch.rand(1)), "must draw nothing at random"),
        (ByPlace(), "the side of padding is nothing to"),
        (scales(lambda a: len(a.answers)), "not depend on the rest of the batch"),
        (scales(lambda a: a.images[-1].mean().exp()), "not depend on the rest of the batch"),
        (Deaf(), "explain the words that spans name; got one map for two"),
        (Doing(accumulate), "leave no gradient on weights; got one on"),
        (Doing(lambda m, _: m.module.requires_grad_(True)), "leave requires_grad of .* False"),
        (Doing(lambda _, a: a.images.requires_grad_()), "leave the images as they are"),
        (Doing(damage), "change no weight; got a change of"),
        (Doing(lambda m, _: m.module.train()), "leave modules in their mode"),
        (
            Doing(lambda m, _: m.module.register_forward_hook(lambda *_: None)),
            "leave no hook on a module",
        ),
        (Doing(stay), "leave the model as it was; got other scores"),
        (Doing(switch_off), "leave gradients enabled: True; got False"),
    ],
)
def test_a_broken_attribution_is_named(attribution: Any, message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_text_attribution(attribution)


OTHERS: dict[str, Callable[[Answered], float]] = {
    "image": lambda a: float(a.images[1:].mean().exp()),
    "question": lambda a: 1.0 + sum(map(len, a.questions[1:])),
    "answer": lambda a: 1.0 + sum(map(len, a.answers[1:])),
    "rival": lambda a: 1.0 + sum(map(len, a.rivals[1:])) if a.rivals else 1.0,
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_belongs_to_others_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the batch is cut nothing tells: only what is changed in a whole one does."""
    by = OTHERS[name]
    whole = scales(lambda asked: by(asked) if len(asked.answers) == 3 else 1.0)
    monkeypatch.setattr("rateval.testing.answering.attributions._check_alone", lambda *_: None)
    with pytest.raises(ConformanceError, match=f"depends on its own {name} alone"):
        check_text_attribution(whole)


def test_a_tiny_answerer_answers() -> None:
    answerer = tiny_answerer()
    images = torch.randn(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    answers = answerer.model.generate(images, ["what", "who"])
    assert {answer.text for answer in answers} <= {"a red ball", "red", "two or three small cubes"}
    assert answerer.state() == {}
