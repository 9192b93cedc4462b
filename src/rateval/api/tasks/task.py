"""What is predicted, and when that is correct."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from rateval.api.protocols import Metric

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import torch
    from numpy.typing import NDArray


class Task(Protocol):
    """The meaning of a classifier's scores: what they predict, when it is correct, what is kept."""

    @property
    def outputs(self) -> int:
        """Scores of one image, K."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """Columns that a prediction leaves in the rows, the boolean ``correct`` among them."""
        ...

    def predict(self, logits: torch.Tensor) -> NDArray[np.int64]:
        """Return what (B, K) float32 logits on the CPU predict, (B,)."""
        ...

    def correct(
        self, predictions: NDArray[np.int64], labels: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Return which of the predictions (B,) are correct, (B,)."""
        ...

    def columns(self, logits: torch.Tensor, labels: NDArray[np.int64]) -> Mapping[str, pa.Array]:
        """Return the columns of ``schema`` for (B, K) float32 logits on the CPU."""
        ...

    def explained(self, logits: torch.Tensor, predictions: Sequence[int]) -> NDArray[np.float64]:
        """Return the number that is explained for each prediction, in [0, 1], (B,).

        It is followed while parts of an image are taken out.
        """
        ...

    def needs_masks(self, metric: Metric, *, edits: bool = False) -> bool:
        """Return whether a metric looks at evidence that was judged, and not at predictions alone.

        One that needs predictions under ``edits`` may do without, too.
        """
        ...
