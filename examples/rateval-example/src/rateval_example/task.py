"""Classification that may be declined: a class of each image, or no answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from rateval.api import Context
from rateval.api.tasks.task import Explained, Inputs, Named, Outputs, Predictions
from rateval.api.values import Asked
from rateval_example.params import OrNoneParams

TYPES = {"label": pa.int32(), "prediction": pa.int32(), "correct": pa.bool_()}


class OrNone:
    """A ``rateval.api.tasks.task.Task``: no answer where the model isn't sure enough."""

    def __init__(self, sure: float) -> None:
        self._sure = sure

    def pose(self, dataset: Named) -> ClassOrNone:
        """Return the task over a dataset's classes."""
        return ClassOrNone(len(dataset.classes), self._sure)


class ClassOrNone:
    """A ``rateval.api.tasks.task.Posed``; the number after the last class is no answer."""

    schema = pa.schema([pa.field(name, of, nullable=False) for name, of in TYPES.items()])

    def __init__(self, classes: int, sure: float) -> None:
        self.outputs, self._sure = classes, sure

    def predict(self, classifier: Any, inputs: Inputs) -> Outputs:
        """Return the classifier's logits."""
        return Outputs(classifier.logits(inputs.images).detach().float().cpu())

    def explain(self, attribution: Any, classifier: Any, inputs: Inputs) -> Explained:
        """Have a class explained, also where there is no answer."""
        given = (classifier, inputs.images, inputs.labels, inputs.ids)
        return Explained(attribution.explain(*given), None)

    def explain_together(
        self, planned: Sequence[Any], wanted: Sequence[int], classifier: Any, inputs: Inputs
    ) -> Sequence[Explained]:
        """Have the same explained from one pass."""
        given = (classifier, inputs.images, inputs.labels, inputs.ids)
        together = planned[wanted[0]].explain_together
        return [Explained(one, None) for one in together(planned, wanted, *given)]

    def predictions(self, outputs: Outputs) -> Predictions:
        """Return the likeliest class where its probability is high enough."""
        highest, classes = outputs.numbers.double().softmax(dim=1).max(dim=1)
        answers: NDArray[np.int64] = classes.masked_fill(highest < self._sure, self.outputs).numpy()
        return Predictions(answers)

    def correct(
        self,
        predictions: Predictions,
        labels: NDArray[np.int64],
        asked: Sequence[Asked | None],
    ) -> NDArray[np.bool_]:
        """Return where the answer is the label; no answer never is."""
        equal: NDArray[np.bool_] = predictions.numbers == labels
        return equal

    def columns(
        self, outputs: Outputs, labels: NDArray[np.int64], asked: Sequence[Asked | None]
    ) -> Mapping[str, pa.Array]:
        """Return the columns of ``schema``."""
        predictions = self.predictions(outputs)
        correct = self.correct(predictions, labels, asked)
        values = zip(TYPES.items(), (labels, predictions.numbers, correct), strict=True)
        return {name: pa.array(column, of) for (name, of), column in values}

    def follow(
        self, classifier: Any, inputs: Inputs, predictions: Predictions
    ) -> tuple[Outputs, NDArray[np.float64]]:
        """Return the answers to edited images, and how sure each is of those of before.

        Of no answer the model is as sure as it is of no class.
        """
        outputs = self.predict(classifier, inputs)
        shares = outputs.numbers.double().softmax(dim=1)
        none = 1 - shares.max(dim=1, keepdim=True).values
        all_of_them = torch.cat([shares, none], dim=1).numpy()
        return outputs, all_of_them[np.arange(len(all_of_them)), predictions.numbers]

    def randomised(self, classifier: Any) -> torch.nn.Module:
        """Return the module whose weights a map has to follow."""
        tower: torch.nn.Module = classifier.model.image_tower
        return tower


def make_or_none(params: OrNoneParams, context: Context) -> OrNone:
    """Make the task."""
    return OrNone(params.sure)
