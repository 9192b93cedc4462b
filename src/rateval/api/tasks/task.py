"""What is predicted, and when that is correct."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rateval.api.values import Asked, Depicted, Explanation

if TYPE_CHECKING:
    import pyarrow as pa
    import torch
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """B samples as a model is given them."""

    images: torch.Tensor
    """(B, 3, H, W) float32, on the model's device."""
    labels: torch.Tensor
    """(B,) int64, on the same device."""
    ids: tuple[str, ...]
    asked: tuple[Asked | None, ...]
    """What is asked of each image; None where its task asks nothing."""
    sizes: tuple[tuple[int, int], ...] = ()
    """Height and width of each image before it was prepared."""
    depicted: tuple[tuple[Depicted, ...], ...] = ()
    """What each image shows, masks in the geometry of ``images``; empty where that is not asked."""
    kept: bool = False
    """Whether predictions go into rows, so that ``Outputs.beside`` is asked for, whatever it
    costs."""


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """What a model gave for B samples, on the CPU."""

    numbers: torch.Tensor
    """(B, K) float32: logits of K classes, or what else a task makes predictions of."""
    texts: tuple[str, ...] = ()
    """What the model wrote, B texts; empty where it writes nothing."""
    beside: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """What is kept beside: the name of a column to B values."""


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What was predicted of B samples."""

    numbers: NDArray[np.int64]
    """(B,): equal numbers are equal predictions. Below the number of classes it is a class."""
    texts: tuple[str, ...] = ()
    """B texts where numbers don't tell them; else empty."""

    def at(self, places: Sequence[int]) -> Predictions:
        """Return those at some places, in that order.

        >>> Predictions(np.array([4, 5, 6])).at([2, 0]).numbers.tolist()
        [6, 4]
        """
        texts = tuple(self.texts[place] for place in places) if self.texts else ()
        return Predictions(self.numbers[list(places)], texts)


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """U things that were predicted of B samples: of each none, one or several.

    Statistics take those of one sample for drawn together.
    """

    places: tuple[int, ...]
    """(U,) the sample of each unit, from 0, ascending."""
    names: tuple[str, ...]
    """U texts, different ones within a sample: an id is the sample's, ``#`` and this. Whatever
    predicts it, the same thing has the same name."""
    labels: NDArray[np.int64]
    """(U,) classes, ascending and different ones within a sample."""
    classes: int
    """How many classes there are."""
    masks: tuple[NDArray[np.bool_] | None, ...]
    """U masks (H, W) of the evidence in the geometry of the images; None where it is unknown."""
    samples: pa.RecordBatch
    """B rows, one for each sample, with what is kept of samples whether they have units or not."""


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """What an attribution returned for B samples, and what was predicted on the way."""

    explanation: Explanation
    outputs: Outputs | None
    """None where the explanation's logits are the outputs, or another pass is asked for."""
    units: Units | None = None
    """What is explained and predicted where that isn't each sample once: explanation and outputs
    are then of U units, and so is what they are asked for afterwards."""


class Posed(Protocol):
    """A task as a dataset poses it: what is predicted, when it is correct, what is kept."""

    @property
    def outputs(self) -> int:
        """Numbers of one sample, K."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """Columns that a prediction leaves in the rows: ``label``, ``prediction`` and ``correct``.

        ``output`` among them holds what ``Predictions.texts`` does.
        """
        ...

    def predict(self, classifier: Any, inputs: Inputs) -> Outputs:
        """Ask a classifier; no gradient is needed."""
        ...

    def explain(self, attribution: Any, classifier: Any, inputs: Inputs) -> Explained:
        """Have an attribution explain what the classifier predicts."""
        ...

    def explain_together(
        self, planned: Sequence[Any], wanted: Sequence[int], classifier: Any, inputs: Inputs
    ) -> Sequence[Explained]:
        """Have each of the ``wanted`` ones of attributions that share a pass explain it."""
        ...

    def predictions(self, outputs: Outputs) -> Predictions:
        """Return what was predicted."""
        ...

    def correct(
        self,
        predictions: Predictions,
        labels: NDArray[np.int64],
        asked: Sequence[Asked | None],
    ) -> NDArray[np.bool_]:
        """Return which of the predictions are correct, (B,)."""
        ...

    def columns(
        self, outputs: Outputs, labels: NDArray[np.int64], asked: Sequence[Asked | None]
    ) -> Mapping[str, pa.Array]:
        """Return the columns of ``schema``."""
        ...

    def follow(
        self, classifier: Any, inputs: Inputs, predictions: Predictions
    ) -> tuple[Outputs, NDArray[np.float64]]:
        """Ask a classifier about changed images; return also how sure it is of ``predictions``.

        These are of the images before, and the number of each is in [0, 1], (B,).
        """
        ...

    def randomised(self, classifier: Any) -> torch.nn.Module:
        """Return the module whose weights a map has to follow."""
        ...


class Named(Protocol):
    """What a task needs to know of a dataset: what there is to predict, and how it is called."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, of the answers, or of what a caption can mention."""
        ...

    @property
    def wordings(self) -> tuple[tuple[str, ...], ...]:
        """For each class all that it is called in a text, its name among them."""
        ...


class Task(Protocol):
    """A kind of question that datasets pose, such as classification."""

    def pose(self, dataset: Named) -> Posed:
        """Return the task over a dataset's classes."""
        ...
