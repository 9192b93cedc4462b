"""Questions answered, ranked and explained by a toy that says what it is given."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from rateval.api import Context, Explanation, PluginError
from rateval.api.tasks.task import Inputs, Outputs, Predictions
from rateval.api.tasks.texts import Answer, Answered, TokenScores
from rateval.api.values import Asked
from rateval.tasks.params import VqaParams
from rateval.tasks.vqa.task import make_vqa
from rateval.testing import check_task

CLASSES = ("red", "blue", "Two.")


class Answers:
    """What a dataset says of its answers."""

    classes = CLASSES
    wordings = tuple((name,) for name in CLASSES)


class Toy:
    """Answers by the image's mean: a class from 0 on, else a text of its own."""

    grid = (2, 2)

    def __init__(self) -> None:
        self.module = torch.nn.Linear(1, 1)
        self.model = self  # as an answerer, too

    def generate(self, images: torch.Tensor, questions: Any) -> list[Answer]:
        means = images.mean(dim=(1, 2, 3)).tolist()
        texts = [CLASSES[int(mean)] if mean >= 0 else f"none of {mean:g}" for mean in means]
        return [Answer(text, -0.5) for text in texts]

    def rank(self, images: torch.Tensor, questions: Any, candidates: Any) -> torch.Tensor:
        means = images.mean(dim=(1, 2, 3))
        return -(means[:, None] - torch.arange(len(candidates))).abs()

    def score(self, images: torch.Tensor, questions: Any, answers: Any) -> TokenScores:
        lengths = torch.tensor([[float(len(answer))] for answer in answers])
        return TokenScores(-lengths / 10, tuple(((0, 1),) for _ in answers))


class Remembers:
    """An explainer that keeps what it was given."""

    def explain_answers(self, answerer: Any, answered: Answered) -> Explanation:
        self.answered = answered
        return Explanation(torch.ones(len(answered.answers), 2, 2))


def pose(**params: Any) -> Any:
    return make_vqa(VqaParams(**params), Context()).pose(Answers())


def ask(*values: float, answers: tuple[str, ...] = ("red",)) -> Inputs:
    images = torch.stack([torch.full((3, 4, 4), float(value)) for value in values])
    count = len(values)
    asked = tuple(Asked(f"what is {at}?", answers) for at in range(count))
    return Inputs(
        images, torch.zeros(count, dtype=torch.int64), ("a", "b", "c", "d")[:count], asked
    )


def rows(task: Any, outputs: Outputs, inputs: Inputs) -> dict[str, list[Any]]:
    columns = task.columns(outputs, inputs.labels.numpy(), inputs.asked)
    found: dict[str, list[Any]] = pa.Table.from_pydict(dict(columns), task.schema).to_pydict()
    return found


@pytest.mark.parametrize("answer", ["generate", "rank"])
@pytest.mark.parametrize("correct", ["match", "soft"])
def test_conformance(answer: str, correct: str) -> None:
    check_task(make_vqa(VqaParams(answer=answer, correct=correct), Context()))


@pytest.mark.parametrize("answer", ["generate", "rank"])
def test_known_answers_are_numbers_of_classes(answer: str) -> None:
    task, inputs = pose(answer=answer), ask(0, 1, 2)
    outputs = task.predict(Toy(), inputs)
    predictions = task.predictions(outputs)
    assert predictions.numbers.tolist() == [0, 1, 2]
    assert predictions.texts == CLASSES
    assert task.correct(predictions, inputs.labels.numpy(), inputs.asked).tolist() == [1, 0, 0]
    found = rows(task, outputs, inputs)
    assert found["input"] == ["what is 0?", "what is 1?", "what is 2?"]
    assert found["output"] == list(CLASSES)
    assert found["references"] == [["red"]] * 3
    assert found["soft"] == [1, 0, 0]
    assert found["blank_output"] == [None] * 3


def test_other_texts_have_numbers_of_their_own() -> None:
    task = pose()
    texts = ("two", "TWO", "three", "three.", "four")
    numbers = task.predictions(Outputs(torch.zeros(5, 1), texts)).numbers.tolist()
    assert numbers[:2] == [2, 2]
    assert numbers[2] == numbers[3] >= 2**32
    assert numbers[4] not in numbers[:4]


def test_people_who_disagree_make_soft_scores() -> None:
    answers = ("red",) * 2 + ("blue",) * 8
    inputs = ask(0, 1, answers=answers)
    for cut, right in ((0.3, [True, True]), (0.7, [False, True])):
        task = pose(correct="soft", cut=cut)
        outputs = task.predict(Toy(), inputs)
        found = rows(task, outputs, inputs)
        assert found["soft"] == pytest.approx([0.6, 1.0])
        assert found["correct"] == right


@pytest.mark.parametrize("answer", ["generate", "rank"])
def test_several_explain_answers_that_are_given_once(answer: str) -> None:
    task, inputs, toy = pose(answer=answer), replace(ask(1, 0, 1), kept=True), Toy()
    first, second = Remembers(), Remembers()
    found = task.explain_together([first, second], [0, 1], toy, inputs)
    assert [len(one.explanation.relevance) for one in found] == [3, 3]
    assert first.answered is second.answered
    assert first.answered.answers == ("blue", "red", "blue")
    assert first.answered.rivals == (("red", "blue", "red") if answer == "rank" else None)
    beside = rows(task, found[0].outputs, inputs)
    assert beside["blank_output"] == ["red"] * 3
    assert beside["blank_correct"] == [True] * 3
    # The next picture that is another one.
    assert beside["other_output"] == ["red", "blue", "red"]
    assert beside["other_correct"] == [True, False, True]


@pytest.mark.parametrize("answer", ["generate", "rank"])
def test_nothing_is_asked_without_the_image_where_no_row_is_kept(answer: str) -> None:
    task, inputs = pose(answer=answer), ask(1, 0, 1)
    calls: list[int] = []

    class Counts(Toy):
        def generate(self, images: torch.Tensor, questions: Any) -> Any:
            calls.append(len(images))
            return super().generate(images, questions)

        def rank(self, images: torch.Tensor, *given: Any) -> Any:
            calls.append(len(images))
            return super().rank(images, *given)

    found = task.explain(Remembers(), Counts(), inputs)
    assert calls == [3]
    assert rows(task, found.outputs, inputs)["blank_output"] == [None] * 3
    kept = task.explain(Remembers(), Counts(), replace(inputs, kept=True))
    assert calls == [3, 3, 3, 3]
    assert rows(task, kept.outputs, inputs)["output"] == rows(task, found.outputs, inputs)["output"]


def test_one_picture_has_no_other_one() -> None:
    task, inputs = pose(), replace(ask(1, 1), kept=True)
    outputs = task.explain(Remembers(), Toy(), inputs).outputs
    assert rows(task, outputs, inputs)["other_output"] == [None, None]


def test_answers_are_followed() -> None:
    inputs, before = ask(1, 2), Predictions(np.array([0, 1]), ("red", "blue"))
    written, sure = pose().follow(Toy(), inputs, before)
    assert written.texts == ("blue", "Two.")
    assert sure == pytest.approx([math.exp(-0.3), math.exp(-0.4)])
    ranked, sure = pose(answer="rank").follow(Toy(), inputs, before)
    weights = [[math.exp(-abs(mean - k)) for k in range(3)] for mean in (1, 2)]
    assert sure == pytest.approx([weights[0][0] / sum(weights[0]), weights[1][1] / sum(weights[1])])
    assert ranked.numbers.argmax(1).tolist() == [1, 2]


@pytest.mark.parametrize(
    "asked", [None, Asked(" ", ("a",)), Asked("what?", ())], ids=["nothing", "blank", "no answer"]
)
def test_samples_must_be_asked_about(asked: Asked | None) -> None:
    inputs = ask(1, 1)
    broken = Inputs(inputs.images, inputs.labels, inputs.ids, (inputs.asked[0], asked))
    with pytest.raises(PluginError, match="must have a question and an answer at least; 1 of 2"):
        pose().predict(Toy(), broken)


def test_explainers_must_be_able_to() -> None:
    with pytest.raises(PluginError, match="must offer explain_answers"):
        pose().explain(object(), Toy(), ask(1))


def test_models_must_answer_all(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Toy()
    monkeypatch.setattr(toy, "generate", lambda images, questions: [])
    with pytest.raises(PluginError, match="must answer each of 1 questions; got 0 answers"):
        pose().predict(toy, ask(1))
