"""Classification: one of K classes for each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rateval.api.protocols import Metric
from rateval.api.values import Outcomes

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Classification:
    """The naming of the one class of an image; a ``rateval.api.tasks.task.Task``."""

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

    def predict(self, logits: torch.Tensor) -> NDArray[np.int64]:
        """Return the class with the highest of (B, K) logits, the first of equal ones, (B,).

        >>> import torch
        >>> Classification(3).predict(torch.tensor([[0.0, 2.0, 2.0]])).tolist()
        [1]
        """
        predictions: NDArray[np.int64] = logits.argmax(dim=1).numpy()
        return predictions

    def correct(
        self, predictions: NDArray[np.int64], labels: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Return where a prediction is its image's label, (B,).

        >>> Classification(3).correct(np.array([1, 2]), np.array([1, 0])).tolist()
        [True, False]
        """
        equal: NDArray[np.bool_] = predictions == labels
        return equal

    def columns(self, logits: torch.Tensor, labels: NDArray[np.int64]) -> Mapping[str, pa.Array]:
        """Return the columns of ``schema`` for (B, K) float32 logits and the labels (B,)."""
        predictions = self.predict(logits)
        probabilities = logits.softmax(dim=1).numpy()
        return {
            "label": pa.array(labels, pa.int32()),
            "prediction": pa.array(predictions, pa.int32()),
            "correct": pa.array(self.correct(predictions, labels)),
            "probabilities": pa.FixedSizeListArray.from_arrays(
                probabilities.reshape(-1), self.outputs
            ),
        }

    def explained(self, logits: torch.Tensor, predictions: Sequence[int]) -> NDArray[np.float64]:
        """Return the probability of each predicted class, whatever is predicted now, (B,) float64.

        >>> import torch
        >>> Classification(2).explained(torch.zeros(1, 2), [1]).tolist()
        [0.5]
        """
        chosen: NDArray[np.float64] = (
            logits.double().softmax(dim=1)[range(len(logits)), predictions].numpy()
        )
        return chosen

    def needs_masks(self, metric: Metric, *, edits: bool = False) -> bool:
        """Return whether a metric comes out otherwise when other images have valid evidence.

        Right and wrong predictions, two of each, are tried with every pattern of valid evidence: a
        metric that is the same for all of them counts predictions alone. One that needs predictions
        under ``edits`` is given them, of each two one that hangs on the object.
        """
        correct = np.array([True, True, False, False])
        causal = np.array([True, False, True, False]) if edits else None
        patterns = product([False, True], repeat=len(correct))
        scores = [
            metric.compute(Outcomes(correct, np.array(valid), causal=causal)) for valid in patterns
        ]
        return any(score != scores[0] for score in scores)
