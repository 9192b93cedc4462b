"""A head of the mean embedding of each class, found in one pass over the training split."""

from collections.abc import Sequence

import torch
from pydantic import Field
from torch.nn.functional import normalize

from rateval.api import (
    Classifier,
    Context,
    Finetuner,
    HeadDecision,
    Logbook,
    Model,
    Params,
    RatevalError,
    Split,
)
from rateval.modelkit import load_batches


class MineFinetunerParams(Params):
    """What a spec can set of mine-finetuner."""

    scale: float = Field(default=20.0, gt=0, le=1000)
    """Factor on the cosine of an image and the mean of a class."""
    batch_size: int = Field(default=32, ge=1, le=4096)
    """Images that are embedded at once; the result doesn't depend on it but for rounding."""


class MineClassifier:
    """A model with a linear head on its embeddings of unit length."""

    def __init__(self, model: Model, weight: torch.Tensor) -> None:
        self.model = model
        self._weight = weight

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Score (B, 3, H, W) float32 as (B, K) float32."""
        # Must be finite, the same for the same images, and differentiable by the images.
        # Must not depend on the batch.
        return normalize(self.model.encode_image(images).float(), dim=1) @ self._weight.T

    def state(self) -> dict[str, torch.Tensor]:
        """Return every tensor that fine-tuning changed or added."""
        # Must hold contiguous tensors that share no memory.
        return {"weight": self._weight.clone()}

    @property
    def decision(self) -> HeadDecision | None:
        """How the logits are made of what the model gives."""
        # Must make the classifier's logits where it isn't None.
        return HeadDecision(self._weight, torch.zeros_like(self._weight[:, 0]), "embedding")


class MineFinetuner:
    """The means of the classes' embeddings; no weight of the model is changed."""

    # Must be True where fit needs a training split.
    trains = True

    def __init__(self, scale: float, batch_size: int) -> None:
        self._scale, self._batch_size = scale, batch_size

    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        """Train ``model`` in place (it is this call's own copy) and wrap it."""
        # Must raise RatevalError when there is no train split.
        # Must call logbook.begin once, and advance by all samples, skipped ones included.
        # Must give the same state for the same seed, and change no weight that isn't in the state.
        if train is None:
            raise RatevalError("there is no train split to take means of")
        logbook.begin(len(train))
        means: torch.Tensor | float = 0.0
        weight = next(model.module.parameters())
        for batch in load_batches(train, model, batch_size=self._batch_size):
            if len(batch):
                with torch.no_grad():
                    embedded = model.encode_image(batch.images.to(weight.device, weight.dtype))
                chosen = torch.eye(len(classes))[batch.labels].to(weight.device)
                means = means + chosen.T @ normalize(embedded.float(), dim=1)
            logbook.advance(len(batch) + len(batch.skipped))
        if not isinstance(means, torch.Tensor):
            raise RatevalError("no training image can be read; mend the dataset")
        return MineClassifier(model, normalize(means, dim=1) * self._scale)

    def restore(
        self, model: Model, classes: Sequence[str], state: dict[str, torch.Tensor]
    ) -> Classifier:
        """Rebuild the classifier that ``fit`` returned from the ``state`` it gave."""
        # Must rebuild the classifier that gave the state.
        return MineClassifier(model, state["weight"])


def make(params: MineFinetunerParams, context: Context) -> Finetuner:
    """Make the finetuner."""
    return MineFinetuner(params.scale, params.batch_size)
