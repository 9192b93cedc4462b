"""What written and ranked answers have in common as a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from rateval.api.tasks.task import Explained, Inputs, Outputs, Predictions
from rateval.api.tasks.texts import TokenMaps
from rateval.api.values import Asked
from rateval.tasks.texts.explaining import explain_answers
from rateval.tasks.texts.tokens import explain_tokens
from rateval.tasks.vqa.explaining import make_answered, predict_before
from rateval.tasks.vqa.judge import COLUMNS, Judge


@dataclass(frozen=True)
class Answering(ABC):
    """Questions as a dataset poses them, however an answer comes about; a ``Posed``."""

    judge: Judge

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Numbers of one question, K."""

    @property
    def schema(self) -> pa.Schema:
        """Columns of a prediction: question, answer and references, and how right it is."""
        return pa.schema(COLUMNS)

    @abstractmethod
    def predict(self, classifier: Any, inputs: Inputs) -> Outputs:
        """Ask the model."""

    @abstractmethod
    def predictions(self, outputs: Outputs) -> Predictions:
        """Return the number of each answer, and its text."""

    @abstractmethod
    def likelihoods(self, outputs: Outputs) -> NDArray[np.float32]:
        """Return the log probability of each answer, (B,)."""

    def rivals(self, outputs: Outputs) -> tuple[str, ...] | None:
        """Return the best other answer to each question; None where none is known."""
        return None

    def explain(self, attribution: Any, classifier: Any, inputs: Inputs) -> Explained:
        """Have an attribution explain what the model answers."""
        return self.explain_together([attribution], [0], classifier, inputs)[0]

    def explain_together(
        self, planned: Sequence[Any], wanted: Sequence[int], classifier: Any, inputs: Inputs
    ) -> Sequence[Explained]:
        """Have several attributions explain answers that are given once."""
        outputs = predict_before(self, self.judge, classifier, inputs)
        texts = self.predictions(outputs).texts
        answered = make_answered(inputs, texts, self.rivals(outputs))
        return [
            Explained(explain_answers(planned[at], classifier, answered), outputs) for at in wanted
        ]

    def explain_tokens(
        self, attribution: Any, classifier: Any, inputs: Inputs, texts: Sequence[str], most: int
    ) -> Sequence[TokenMaps]:
        """Have an attribution explain each token of given answers alone."""
        with torch.inference_mode():
            rivals = self.rivals_of(classifier, inputs)
        return explain_tokens(attribution, classifier, make_answered(inputs, texts, rivals), most)

    def rivals_of(self, classifier: Any, inputs: Inputs) -> tuple[str, ...] | None:
        """Return the best other answers to questions that are asked again; None for none."""
        return None

    def correct(
        self, predictions: Predictions, labels: NDArray[np.int64], asked: Sequence[Asked | None]
    ) -> NDArray[np.bool_]:
        """Return which answers are right, (B,)."""
        return self.judge.right(predictions, asked)

    def columns(
        self, outputs: Outputs, labels: NDArray[np.int64], asked: Sequence[Asked | None]
    ) -> Mapping[str, pa.Array]:
        """Return the columns of ``schema``."""
        predictions, likelihoods = self.predictions(outputs), self.likelihoods(outputs)
        return self.judge.columns(outputs, predictions, likelihoods, labels, asked)

    @abstractmethod
    def follow(
        self, classifier: Any, inputs: Inputs, predictions: Predictions
    ) -> tuple[Outputs, NDArray[np.float64]]:
        """Ask about changed images; return also how sure the model is of each answer before."""

    def randomised(self, classifier: Any) -> torch.nn.Module:
        """Return the whole model: an answer hangs on all of it."""
        module: torch.nn.Module = classifier.model.module
        return module
