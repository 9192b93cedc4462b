"""A class of each image, which is correct up to the last word of its name."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from rateval.api import Context, Params
from rateval.api.tasks.task import Explained, Inputs, Named, Outputs, Posed, Predictions, Task
from rateval.api.values import Asked


class MineTaskParams(Params):
    """There is nothing to set of mine-task."""


class MinePosed:
    """The naming of a class; "red disc" is right of what is a "blue disc"."""

    def __init__(self, classes: Sequence[str]) -> None:
        # Must be the numbers of one sample, at least 1.
        self.outputs = len(classes)
        words = [name.split()[-1] for name in classes]
        self._groups = np.array([words.index(word) for word in words])

    @property
    def schema(self) -> pa.Schema:
        """Columns that a prediction leaves in the rows."""
        # Must hold label, prediction and correct.
        types = {"label": pa.int32(), "prediction": pa.int32(), "correct": pa.bool_()}
        return pa.schema([pa.field(name, of, nullable=False) for name, of in types.items()])

    def predict(self, classifier: Any, inputs: Inputs) -> Outputs:
        """Ask a classifier; no gradient is needed."""
        return Outputs(classifier.logits(inputs.images).detach().float().cpu())

    def explain(self, attribution: Any, classifier: Any, inputs: Inputs) -> Explained:
        """Have an attribution explain what the classifier predicts."""
        found = attribution.explain(classifier, inputs.images, inputs.labels, inputs.ids)
        return Explained(found, None)

    def explain_together(
        self, planned: Sequence[Any], wanted: Sequence[int], classifier: Any, inputs: Inputs
    ) -> Sequence[Explained]:
        """Have each of the ``wanted`` ones of attributions that share a pass explain it."""
        given = (classifier, inputs.images, inputs.labels, inputs.ids)
        found = planned[wanted[0]].explain_together(planned, wanted, *given)
        return [Explained(one, None) for one in found]

    def predictions(self, outputs: Outputs) -> Predictions:
        """Return what was predicted."""
        # Must give (B,) int64 numbers; equal numbers are equal predictions.
        return Predictions(outputs.numbers.argmax(dim=1).numpy())

    def correct(
        self,
        predictions: Predictions,
        labels: NDArray[np.int64],
        asked: Sequence[Asked | None],
    ) -> NDArray[np.bool_]:
        """Return which of the predictions are correct, (B,)."""
        # Must be (B,) bool.
        right: NDArray[np.bool_] = self._groups[predictions.numbers] == self._groups[labels]
        return right

    def columns(
        self, outputs: Outputs, labels: NDArray[np.int64], asked: Sequence[Asked | None]
    ) -> Mapping[str, pa.Array]:
        """Return the columns of ``schema``."""
        # Must have the columns of schema, and say what correct() says.
        predictions = self.predictions(outputs)
        return {
            "label": pa.array(labels, pa.int32()),
            "prediction": pa.array(predictions.numbers, pa.int32()),
            "correct": pa.array(self.correct(predictions, labels, asked)),
        }

    def follow(
        self, classifier: Any, inputs: Inputs, predictions: Predictions
    ) -> tuple[Outputs, NDArray[np.float64]]:
        """Ask a classifier about changed images; return also how sure it is of ``predictions``."""
        # How sure it is of each is a number from 0 to 1.
        outputs = self.predict(classifier, inputs)
        shares = outputs.numbers.double().softmax(dim=1).numpy()
        return outputs, shares[np.arange(len(shares)), predictions.numbers]

    def randomised(self, classifier: Any) -> torch.nn.Module:
        """Return the module whose weights a map has to follow."""
        tower: torch.nn.Module = classifier.model.image_tower
        return tower


class MineTask:
    """Classification that forgives all but the last word."""

    def pose(self, dataset: Named) -> Posed:
        """Return the task over a dataset's classes."""
        return MinePosed(dataset.classes)


def make(params: MineTaskParams, context: Context) -> Task:
    """Make the task."""
    return MineTask()
