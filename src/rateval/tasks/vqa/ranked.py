"""Questions whose answer is the likeliest of a list."""

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
from rateval.tasks.vqa.explaining import explain_answers, make_answered, predict_before
from rateval.tasks.vqa.judge import COLUMNS, Judge, require


@dataclass(frozen=True, slots=True)
class Ranked:
    """Questions whose answer is the likeliest of the dataset's; a ``Posed`` as well."""

    judge: Judge

    @property
    def outputs(self) -> int:
        """The log probability of each of the dataset's answers, K."""
        return len(self.judge.answers)

    @property
    def schema(self) -> pa.Schema:
        """Columns of a prediction, those of ``Written``."""
        return pa.schema(COLUMNS)

    def predict(self, classifier: Any, inputs: Inputs) -> Outputs:
        """Score each of the dataset's answers to each question."""
        questions = [one.question for one in require(inputs.asked)]
        scores = classifier.model.rank(inputs.images, questions, self.judge.answers)
        return Outputs(scores.detach().float().cpu())

    def explain(self, attribution: Any, classifier: Any, inputs: Inputs) -> Explained:
        """Have an attribution explain the likeliest answer."""
        return self.explain_together([attribution], [0], classifier, inputs)[0]

    def explain_together(
        self, planned: Sequence[Any], wanted: Sequence[int], classifier: Any, inputs: Inputs
    ) -> Sequence[Explained]:
        """Have several attributions explain answers that are ranked once."""
        outputs = predict_before(self, self.judge, classifier, inputs)
        rivals = None
        if self.outputs > 1:
            best = outputs.numbers.argmax(dim=1, keepdim=True)
            second = outputs.numbers.scatter(1, best, float("-inf")).argmax(dim=1)
            rivals = tuple(self.judge.answers[at] for at in second.tolist())
        answered = make_answered(inputs, self.predictions(outputs).texts, rivals)
        return [
            Explained(explain_answers(planned[at], classifier, answered), outputs) for at in wanted
        ]

    def predictions(self, outputs: Outputs) -> Predictions:
        """Return the likeliest answer, the first of equal ones."""
        numbers = outputs.numbers.argmax(dim=1).numpy()
        return Predictions(numbers, tuple(self.judge.answers[at] for at in numbers.tolist()))

    def correct(
        self, predictions: Predictions, labels: NDArray[np.int64], asked: Sequence[Asked | None]
    ) -> NDArray[np.bool_]:
        """Return which answers are right, (B,)."""
        return self.judge.right(predictions, asked)

    def columns(
        self, outputs: Outputs, labels: NDArray[np.int64], asked: Sequence[Asked | None]
    ) -> Mapping[str, pa.Array]:
        """Return the columns of ``schema``."""
        likelihoods = outputs.numbers.max(dim=1).values.numpy()
        return self.judge.columns(outputs, self.predictions(outputs), likelihoods, labels, asked)

    def follow(
        self, classifier: Any, inputs: Inputs, predictions: Predictions
    ) -> tuple[Outputs, NDArray[np.float64]]:
        """Rank again; return also the share of each answer before among all of them."""
        outputs = self.predict(classifier, inputs)
        shares = outputs.numbers.double().softmax(dim=1)
        sure: NDArray[np.float64] = shares[range(len(shares)), predictions.numbers].numpy()
        return outputs, sure

    def randomised(self, classifier: Any) -> torch.nn.Module:
        """Return the whole model: an answer hangs on all of it."""
        module: torch.nn.Module = classifier.model.module
        return module
