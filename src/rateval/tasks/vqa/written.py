"""Questions whose answers a model writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from rateval.api.tasks.task import Explained, Inputs, Outputs, Predictions
from rateval.api.values import Asked
from rateval.errors import PluginError
from rateval.tasks.vqa.explaining import explain_answers, make_answered, predict_before
from rateval.tasks.vqa.judge import COLUMNS, Judge, require


@dataclass(frozen=True, slots=True)
class Written:
    """Questions whose answers a model writes; a ``rateval.api.tasks.task.Posed``."""

    judge: Judge
    outputs: int = 1
    """The log probability of what was written."""

    @property
    def schema(self) -> pa.Schema:
        """Columns of a prediction: question, answer and references, and how right it is."""
        return pa.schema(COLUMNS)

    def predict(self, classifier: Any, inputs: Inputs) -> Outputs:
        """Have the model write an answer to each question."""
        questions = [one.question for one in require(inputs.asked)]
        answers = classifier.model.generate(inputs.images, questions)
        if len(answers) != len(questions):
            raise PluginError(
                f"generate() of the model must answer each of {len(questions)} questions; got "
                f"{len(answers)} answers",
                kind="model",
            )
        numbers = torch.tensor([[one.likelihood] for one in answers], dtype=torch.float32)
        return Outputs(numbers, tuple(one.text for one in answers))

    def explain(self, attribution: Any, classifier: Any, inputs: Inputs) -> Explained:
        """Have an attribution explain what the model writes."""
        return self.explain_together([attribution], [0], classifier, inputs)[0]

    def explain_together(
        self, planned: Sequence[Any], wanted: Sequence[int], classifier: Any, inputs: Inputs
    ) -> Sequence[Explained]:
        """Have several attributions explain answers that are written once."""
        outputs = predict_before(self, self.judge, classifier, inputs)
        answered = make_answered(inputs, outputs.texts, None)
        return [
            Explained(explain_answers(planned[at], classifier, answered), outputs) for at in wanted
        ]

    def predictions(self, outputs: Outputs) -> Predictions:
        """Return the number of each text, and the text."""
        numbers = np.array([self.judge.number(text) for text in outputs.texts], dtype=np.int64)
        return Predictions(numbers, outputs.texts)

    def correct(
        self, predictions: Predictions, labels: NDArray[np.int64], asked: Sequence[Asked | None]
    ) -> NDArray[np.bool_]:
        """Return which answers are right, (B,)."""
        return self.judge.right(predictions, asked)

    def columns(
        self, outputs: Outputs, labels: NDArray[np.int64], asked: Sequence[Asked | None]
    ) -> Mapping[str, pa.Array]:
        """Return the columns of ``schema``."""
        likelihoods = outputs.numbers[:, 0].numpy()
        return self.judge.columns(outputs, self.predictions(outputs), likelihoods, labels, asked)

    def follow(
        self, classifier: Any, inputs: Inputs, predictions: Predictions
    ) -> tuple[Outputs, NDArray[np.float64]]:
        """Have new answers written; return also the probability of each answer before."""
        questions = [one.question for one in require(inputs.asked)]
        scores = classifier.model.score(inputs.images, questions, predictions.texts)
        likelihoods = scores.log_probabilities.double().sum(dim=1).exp()
        sure: NDArray[np.float64] = likelihoods.detach().cpu().numpy()
        return self.predict(classifier, inputs), sure

    def randomised(self, classifier: Any) -> torch.nn.Module:
        """Return the whole model: an answer hangs on all of it."""
        module: torch.nn.Module = classifier.model.module
        return module
