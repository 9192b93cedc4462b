"""Classification: one of K classes for each image."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from rateval.api.tasks.task import Explained, Inputs, Named, Outputs, Predictions
from rateval.api.values import Asked
from rateval.errors import PluginError
from rateval.wording import describe

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from rateval.api.component import Context
    from rateval.tasks.params import ClassificationParams


def make_classification(params: ClassificationParams, context: Context) -> Classification:
    """Make the task."""
    return Classification()


@dataclass(frozen=True, slots=True)
class Classification:
    """The naming of the one class of an image; a ``rateval.api.tasks.task.Task``."""

    def pose(self, dataset: Named) -> OneOf:
        """Return the task over a dataset's classes."""
        return OneOf(len(dataset.classes))


@dataclass(frozen=True, slots=True)
class OneOf:
    """The naming of one of K classes; a ``rateval.api.tasks.task.Posed``."""

    outputs: int
    """Classes, K."""

    @property
    def schema(self) -> pa.Schema:
        """Columns of a prediction: class numbers, whether they agree, and all probabilities."""
        return pa.schema(
            [
                pa.field("label", pa.int32(), nullable=False),
                pa.field("prediction", pa.int32(), nullable=False),
                pa.field("correct", pa.bool_(), nullable=False),
                pa.field("probabilities", pa.list_(pa.float32(), self.outputs), nullable=False),
            ]
        )

    def predict(self, classifier: Any, inputs: Inputs) -> Outputs:
        """Return a classifier's logits, (B, K).

        Raises PluginError where it returns something else than a tensor.
        """
        logits = classifier.logits(inputs.images)
        if not hasattr(logits, "detach"):
            raise PluginError(
                f"the classifier must return logits as a tensor; got {describe(logits)}"
            )
        return Outputs(logits.detach().float().cpu())

    def explain(self, attribution: Any, classifier: Any, inputs: Inputs) -> Explained:
        """Have an attribution explain one class of each image, as its params say."""
        takes_sizes = "sizes" in inspect.signature(attribution.explain).parameters
        more = {"sizes": inputs.sizes} if takes_sizes else {}
        found = attribution.explain(classifier, inputs.images, inputs.labels, inputs.ids, **more)
        return Explained(found, None)

    def explain_together(
        self, planned: Sequence[Any], wanted: Sequence[int], classifier: Any, inputs: Inputs
    ) -> Sequence[Explained]:
        """Have the ``wanted`` attributions explain from one pass.

        Raises PluginError where the first of them can't, or gives another number of explanations.
        """
        attribution = planned[wanted[0]]
        if not hasattr(attribution, "explain_together"):
            raise PluginError(
                "the attribution's component says that it shares a pass, and so it must offer "
                "explain_together (rateval.api.sharing.Sharing)",
                kind="attribution",
            )
        found = attribution.explain_together(
            planned, wanted, classifier, inputs.images, inputs.labels, inputs.ids
        )
        if not isinstance(found, Sequence) or len(found) != len(wanted):
            raise PluginError(
                f"explain_together must return a sequence of {len(wanted)}, an Explanation for "
                f"each attribution that is wanted; got {describe(found)}",
                kind="attribution",
            )
        return [Explained(one, None) for one in found]

    def predictions(self, outputs: Outputs) -> Predictions:
        """Return the class with the highest of (B, K) logits, the first of equal ones.

        >>> import torch
        >>> OneOf(3).predictions(Outputs(torch.tensor([[0.0, 2.0, 2.0]]))).numbers.tolist()
        [1]
        """
        return Predictions(outputs.numbers.argmax(dim=1).numpy())

    def correct(
        self,
        predictions: Predictions,
        labels: NDArray[np.int64],
        asked: Sequence[Asked | None] = (),
    ) -> NDArray[np.bool_]:
        """Return where a prediction is its image's label, (B,).

        >>> OneOf(3).correct(Predictions(np.array([1, 2])), np.array([1, 0])).tolist()
        [True, False]
        """
        equal: NDArray[np.bool_] = predictions.numbers == labels
        return equal

    def columns(
        self,
        outputs: Outputs,
        labels: NDArray[np.int64],
        asked: Sequence[Asked | None] = (),
    ) -> Mapping[str, pa.Array]:
        """Return the columns of ``schema`` for (B, K) logits and the labels (B,)."""
        predictions = self.predictions(outputs)
        probabilities = outputs.numbers.softmax(dim=1).numpy()
        return {
            "label": pa.array(labels, pa.int32()),
            "prediction": pa.array(predictions.numbers, pa.int32()),
            "correct": pa.array(self.correct(predictions, labels)),
            "probabilities": pa.FixedSizeListArray.from_arrays(
                probabilities.reshape(-1), self.outputs
            ),
        }

    def follow(
        self, classifier: Any, inputs: Inputs, predictions: Predictions
    ) -> tuple[Outputs, NDArray[np.float64]]:
        """Return the logits, and the probability of each class that was predicted before."""
        outputs = self.predict(classifier, inputs)
        return outputs, probabilities_of(outputs, predictions)

    def randomised(self, classifier: Any) -> torch.nn.Module:
        """Return the image tower: what a class is called is no matter of the map."""
        tower: torch.nn.Module = classifier.model.image_tower
        return tower


def probabilities_of(outputs: Outputs, predictions: Predictions) -> NDArray[np.float64]:
    """Return the probability of each predicted class, whatever is predicted now, (B,) float64.

    >>> import torch
    >>> probabilities_of(Outputs(torch.zeros(1, 2)), Predictions(np.array([1]))).tolist()
    [0.5]
    """
    shares = outputs.numbers.double().softmax(dim=1)
    chosen: NDArray[np.float64] = shares[range(len(shares)), predictions.numbers].numpy()
    return chosen
