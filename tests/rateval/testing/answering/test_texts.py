"""The suite of models that answer by texts: sound ones pass, each broken promise is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

import rateval
from rateval.api.tasks.texts import Answer, TokenScores
from rateval.testing import ConformanceError, check_text_model

SIZE = {
    "image_size": 32, "patch_size": 16, "width": 32, "depth": 1, "heads": 2,
    "text_width": 32, "text_layers": 1, "text_heads": 2, "text_intermediate": 64,
    "max_positions": 40,
}  # fmt: skip


def make(folder: Path, name: str = "blip-vqa") -> Any:
    letters = "abcdefghijklmnopqrstuvwxyz?"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{one}" for one in letters)]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    params: Any = {"size": SIZE | {"vocabulary_size": len(words) + 2}, "max_new_tokens": 4}
    vocabulary = str(folder / "vocab.txt")
    return rateval.create("model", name, pretrained="random", vocabulary=vocabulary, **params)


@pytest.fixture
def model(tmp_path: Path) -> Any:
    return make(tmp_path)


@pytest.mark.parametrize("name", ["blip-vqa", "blip-caption"])
def test_sound_models_pass(name: str, tmp_path: Path) -> None:
    check_text_model(make(tmp_path, name))


def depends_on_batch(model: Any) -> None:
    inner = model.score
    model.score = lambda images, questions, answers: TokenScores(
        inner(images, questions, answers).log_probabilities - len(images),
        ((),) * len(images),
    )


def positive(model: Any) -> None:
    inner = model.score
    model.score = lambda *given: TokenScores(
        -inner(*given).log_probabilities, ((),) * len(given[0])
    )


def ranks_otherwise(model: Any) -> None:
    inner = model.rank
    model.rank = lambda *given: inner(*given) - 1


def draws(model: Any) -> None:
    numbers = iter(range(100))
    model.generate = lambda images, questions: [
        Answer(str(next(numbers)) if len(images) > 1 else str(at), -1.0)
        for at, _ in enumerate(questions)
    ]


def grids(model: Any) -> None:
    model.put_on_grid = lambda relevance: relevance


def forgets_to_record(model: Any) -> None:
    inner = model.record_flow

    @contextmanager
    def record() -> Iterator[Any]:
        with inner() as flow:
            yield flow
        flow.steps.clear()

    model.record_flow = record


def ends_nowhere(model: Any) -> None:
    inner = model.record_flow

    @contextmanager
    def record() -> Iterator[Any]:
        with inner() as flow:
            yield flow
        flow.final = "elsewhere"

    model.record_flow = record


def detaches(model: Any) -> None:
    from dataclasses import replace

    inner = model.record_flow

    @contextmanager
    def record() -> Iterator[Any]:
        with inner() as flow:
            yield flow
        flow.steps[:] = [
            replace(step, probabilities=step.probabilities.detach().requires_grad_())
            for step in flow.steps
        ]

    model.record_flow = record


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (depends_on_batch, "not depend on the rest of the batch"),
        (positive, "be natural logarithms"),
        (ranks_otherwise, r"rank\(\) must sum what score\(\) gives"),
        (draws, r"generate\(\) must"),
        (grids, r"put_on_grid\(\) must"),
        (forgets_to_record, "must fill a Flow"),
        (ends_nowhere, "final must be one of"),
        (detaches, "record probabilities that the scores come from"),
    ],
)
def test_each_broken_promise_is_named(broken: Any, said: str, model: Any) -> None:
    broken(model)
    with pytest.raises(ConformanceError, match=said):
        check_text_model(model)


def test_members_are_asked_for() -> None:
    with pytest.raises(ConformanceError, match="no card, generate"):
        check_text_model(torch.nn.Linear(1, 1))
