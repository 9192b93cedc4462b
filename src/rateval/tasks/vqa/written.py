"""Questions whose answers a model writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rateval.api.tasks.task import Inputs, Outputs, Predictions
from rateval.tasks.texts.writing import write_texts
from rateval.tasks.vqa.answering import Answering
from rateval.tasks.vqa.judge import require


@dataclass(frozen=True)
class Written(Answering):
    """Questions whose answers a model writes; a ``rateval.api.tasks.task.Posed``."""

    @property
    def outputs(self) -> int:
        """One number: the log probability of what was written."""
        return 1

    def predict(self, classifier: Any, inputs: Inputs) -> Outputs:
        """Have the model write an answer to each question."""
        questions = [one.question for one in require(inputs.asked)]
        promise = f"answer each of {len(questions)} questions"
        return write_texts(classifier, inputs, questions, promise, "answers")

    def predictions(self, outputs: Outputs) -> Predictions:
        """Return the number of each text, and the text."""
        numbers = np.array([self.judge.number(text) for text in outputs.texts], dtype=np.int64)
        return Predictions(numbers, outputs.texts)

    def likelihoods(self, outputs: Outputs) -> NDArray[np.float32]:
        """Return the log probability of each text, (B,)."""
        found: NDArray[np.float32] = outputs.numbers[:, 0].numpy()
        return found

    def follow(
        self, classifier: Any, inputs: Inputs, predictions: Predictions
    ) -> tuple[Outputs, NDArray[np.float64]]:
        """Have new answers written; return also the probability of each answer before."""
        questions = [one.question for one in require(inputs.asked)]
        scores = classifier.model.score(inputs.images, questions, predictions.texts)
        likelihoods = scores.log_probabilities.double().sum(dim=1).exp()
        sure: NDArray[np.float64] = likelihoods.detach().cpu().numpy()
        return self.predict(classifier, inputs), sure
