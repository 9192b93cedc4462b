"""When an answer to a question is right, and what is kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rateval.api.tasks.task import Outputs, Predictions
from rateval.api.values import Asked
from rateval.errors import PluginError
from rateval.tasks.texts.numbers import number_text
from rateval.tasks.vqa.normalising import normalise_gqa, normalise_vqa, soft_score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rateval.tasks.params import VqaParams

COLUMNS = (
    pa.field("label", pa.int32(), nullable=False),
    pa.field("prediction", pa.int64(), nullable=False),
    pa.field("correct", pa.bool_(), nullable=False),
    pa.field("soft", pa.float32(), nullable=False),
    pa.field("input", pa.string(), nullable=False),
    pa.field("output", pa.string(), nullable=False),
    pa.field("references", pa.list_(pa.string()), nullable=False),
    pa.field("likelihood", pa.float32(), nullable=False),
    pa.field("blank_output", pa.string()),
    pa.field("blank_correct", pa.bool_()),
    pa.field("other_output", pa.string()),
    pa.field("other_correct", pa.bool_()),
)
_BESIDE = COLUMNS[-4:]
"""Columns of what is answered without the image; null where that was not asked."""


@dataclass(frozen=True)
class Judge:
    """What is common to both ways to answer: the dataset's answers, and when one is right."""

    params: VqaParams
    answers: tuple[str, ...]
    _numbers: dict[str, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for number, answer in enumerate(self.answers):
            self._numbers.setdefault(self.normalise(answer), number)

    def normalise(self, answer: str) -> str:
        """Return what answers are compared by."""
        soft = self.params.correct == "soft"
        return normalise_vqa(answer) if soft else normalise_gqa(answer)

    def number(self, answer: str) -> int:
        """Return the number of an answer: that of the dataset's, else one of its own."""
        text = self.normalise(answer)
        known = self._numbers.get(text)
        if known is not None:
            return known
        return number_text(text)

    def scores(self, texts: Sequence[str], asked: Sequence[Asked | None]) -> NDArray[np.float32]:
        """Return how right each answer is, (B,) in [0, 1]."""
        return np.array(
            [self._score(text, one) for text, one in zip(texts, require(asked), strict=True)],
            dtype=np.float32,
        )

    def _score(self, text: str, asked: Asked) -> float:
        if self.params.correct == "soft":
            return soft_score(text, asked.answers)
        return float(self.normalise(text) == self.normalise(asked.most_given))

    def correct(self, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which scores are those of right answers."""
        cut = self.params.cut if self.params.correct == "soft" else 1.0
        right: NDArray[np.bool_] = scores >= np.float32(cut) - 1e-6
        return right

    def right(self, predictions: Predictions, asked: Sequence[Asked | None]) -> NDArray[np.bool_]:
        """Return which predictions are right, (B,)."""
        return self.correct(self.scores(predictions.texts, asked))

    def columns(
        self,
        outputs: Outputs,
        predictions: Predictions,
        likelihoods: NDArray[np.float32],
        labels: NDArray[np.int64],
        asked: Sequence[Asked | None],
    ) -> dict[str, pa.Array]:
        """Return the columns of questions and answers."""
        questions, scores = require(asked), self.scores(predictions.texts, asked)
        return {
            "label": pa.array(labels, pa.int32()),
            "prediction": pa.array(predictions.numbers, pa.int64()),
            "correct": pa.array(self.correct(scores)),
            "soft": pa.array(scores, pa.float32()),
            "input": pa.array([one.question for one in questions], pa.string()),
            "output": pa.array(predictions.texts, pa.string()),
            "references": pa.array([list(one.answers) for one in questions], pa.list_(pa.string())),
            "likelihood": pa.array(likelihoods, pa.float32()),
            **{
                column.name: pa.array(
                    outputs.beside.get(column.name, [None] * len(labels)), column.type
                )
                for column in _BESIDE
            },
        }


def require(asked: Sequence[Asked | None]) -> list[Asked]:
    """Return what is asked of each sample. Raises PluginError where nothing is.

    >>> require([Asked("what?", ("that",))])[0].question
    'what?'
    """
    found = [one for one in asked if one is not None and one.question.strip() and one.answers]
    if len(found) != len(asked):
        raise PluginError(
            "the dataset poses the task vqa, and its samples must have a question and an answer at "
            f"least; {len(asked) - len(found)} of {len(asked)} have none",
            kind="dataset",
        )
    return found
