"""Squares with questions about them, each with the mask of what its answer needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from rateval.api import Context, Params, Sample, Skipped, Split
from rateval.api.tasks.texts import Asked

ANSWERS = ("red", "green", "blue", "yes", "no")
KINDS = ("colour", "red")


class QuestionsParams(Params):
    train: int = Field(default=24, ge=0)
    """Questions to train on."""
    test: int = Field(default=12, ge=0)
    """Questions to be tested on; an image has two of them."""
    masks: bool = True
    """Whether there are masks at all."""
    without_mask: int = Field(default=0, ge=0)
    """First questions that have no mask."""
    unasked: int = Field(default=0, ge=0)
    """First samples of which nothing is asked."""
    question: str = ""
    """What is asked in place of the squares' colour."""
    besides: list[str] = Field(default_factory=list)
    """What further people answered."""


class Questions:
    """Two questions about each square: which colour it has, and whether it is red."""

    def __init__(self, inner: Split, length: int, params: QuestionsParams) -> None:
        self.inner, self.length, self.params = inner, length, params
        self.identity = f"questions {inner.identity} {params.model_dump_json()}"
        self.groups = {
            "image": [f"{number // 2:04d}" for number in range(length)],
            "kind": [KINDS[number % 2] for number in range(length)],
        }

    def __len__(self) -> int:
        return self.length

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        return [self._ask(index) for index in indices]

    def _ask(self, index: int) -> Sample:
        (square,) = self.inner.samples([index // 2])
        assert isinstance(square, Sample)
        kind = KINDS[index % 2]
        if kind == "colour":
            question = self.params.question or "What colour is the square?"
            label = square.label
        else:
            question, label = "Is the square red?", 3 if square.label == 0 else 4
        answers = (ANSWERS[label], ANSWERS[label], *self.params.besides)
        bare = not self.params.masks or index < self.params.without_mask
        return Sample(
            f"{square.id}-{kind}",
            square.image,
            label,
            None if bare else square.mask,
            asked=None if index < self.params.unasked else Asked(question, answers),
        )


class Dataset:
    classes = ANSWERS

    def __init__(self, params: QuestionsParams) -> None:
        from rateval.testing import tiny_dataset

        data: Any = tiny_dataset((params.train + 1) // 2, (params.test + 1) // 2)
        self.has_masks = params.masks
        self.train = Questions(data.train, params.train, params) if params.train else None
        self.test = Questions(data.test, params.test, params)


def make_dataset(params: QuestionsParams, context: Context) -> Dataset:
    return Dataset(params)
