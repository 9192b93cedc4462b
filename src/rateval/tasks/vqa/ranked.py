"""Questions whose answer is the likeliest of a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rateval.api.tasks.task import Inputs, Outputs, Predictions
from rateval.tasks.classification import probabilities_of
from rateval.tasks.vqa.answering import Answering
from rateval.tasks.vqa.judge import require


@dataclass(frozen=True)
class Ranked(Answering):
    """Questions whose answer is the likeliest of the dataset's; a ``Posed`` as well."""

    @property
    def outputs(self) -> int:
        """The log probability of each of the dataset's answers, K."""
        return len(self.judge.answers)

    def predict(self, classifier: Any, inputs: Inputs) -> Outputs:
        """Score each of the dataset's answers to each question."""
        questions = [one.question for one in require(inputs.asked)]
        scores = classifier.model.rank(inputs.images, questions, self.judge.answers)
        return Outputs(scores.detach().float().cpu())

    def predictions(self, outputs: Outputs) -> Predictions:
        """Return the likeliest answer, the first of equal ones."""
        numbers = outputs.numbers.argmax(dim=1).numpy()
        return Predictions(numbers, tuple(self.judge.answers[at] for at in numbers.tolist()))

    def likelihoods(self, outputs: Outputs) -> NDArray[np.float32]:
        """Return the log probability of each likeliest answer, (B,)."""
        found: NDArray[np.float32] = outputs.numbers.max(dim=1).values.numpy()
        return found

    def rivals(self, outputs: Outputs) -> tuple[str, ...] | None:
        """Return the second likeliest answers; None where there is one answer alone."""
        if self.outputs < 2:
            return None
        best = outputs.numbers.argmax(dim=1, keepdim=True)
        second = outputs.numbers.scatter(1, best, float("-inf")).argmax(dim=1)
        return tuple(self.judge.answers[at] for at in second.tolist())

    def rivals_of(self, classifier: Any, inputs: Inputs) -> tuple[str, ...] | None:
        """Return the second likeliest answers, ranked again."""
        return self.rivals(self.predict(classifier, inputs))

    def follow(
        self, classifier: Any, inputs: Inputs, predictions: Predictions
    ) -> tuple[Outputs, NDArray[np.float64]]:
        """Rank again; return also the share of each answer before among all of them."""
        outputs = self.predict(classifier, inputs)
        return outputs, probabilities_of(outputs, predictions)
