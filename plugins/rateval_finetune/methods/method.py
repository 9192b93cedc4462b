"""What the methods that train have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import torch

from rateval.api import Classifier, Context, Logbook, Model, RatevalError, Split
from rateval.api.protocols import Explained
from rateval.modelkit import Batch
from rateval_finetune.params import TrainingParams
from rateval_finetune.training.modes import freeze
from rateval_finetune.training.sources import Source, SplitSource, first_batch
from rateval_finetune.training.task import Task
from rateval_finetune.training.training import Training

P = TypeVar("P", bound=TrainingParams)


class Method(ABC, Generic[P]):
    """A way to train a classifier on a split; one seed decides everything random about it."""

    name: str
    """As messages call it."""
    trains = True

    def __init__(self, params: P, context: Context) -> None:
        self.params = params
        self.seed = context.seed if params.seed is None else params.seed
        self.device = context.device
        self.readers = context.readers
        self.dtype: torch.dtype = getattr(torch, context.dtype)

    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        """Train ``model`` in place. Raises RatevalError without samples or when it diverges."""
        if train is None:
            raise RatevalError(
                f"{self.name}: the dataset has no training split; use a dataset that has one, or a "
                "method that doesn't train, such as zs"
            )
        self.require_score(self.params.stop_by, "stop_by", logbook)
        freeze(model)
        try:
            return self.finish(self.train(model, train, classes, logbook))
        finally:
            freeze(model)

    @abstractmethod
    def train(
        self, model: Model, split: Split, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        """Train; ``model`` comes frozen."""

    @abstractmethod
    def restore(
        self, model: Model, classes: Sequence[str], state: dict[str, torch.Tensor]
    ) -> Classifier:
        """Rebuild the classifier that ``fit`` returned from its state."""

    def read(self, split: Split, model: Explained, *, masks: bool = False) -> SplitSource:
        """Return the split's samples, augmented as the params say."""
        return SplitSource(split, model, self.params, self.seed, masks=masks, readers=self.readers)

    def train_task(self, task: Task, model: Explained, split: Split, logbook: Logbook) -> None:
        """Train ``task`` on the split by this method's params."""
        filler = first_batch(split, model, masks=self.params.background_swap > 0)
        self.descend(task, self.read(split, model), filler, self.params, logbook)

    def descend(
        self,
        task: Task,
        source: Source,
        filler: Batch,
        params: TrainingParams,
        logbook: Logbook,
        *,
        keep: bool = True,
    ) -> None:
        """Train ``task`` on ``source``; see ``Training``."""
        Training(
            task, source, filler, params, seed=self.seed, device=self.device, logbook=logbook
        ).run(keep=keep)

    def finish(self, classifier: Classifier) -> Classifier:
        """Freeze what was trained."""
        freeze(classifier.model)
        head = getattr(classifier, "head", None)
        if head is not None:
            head.eval().requires_grad_(False).zero_grad(set_to_none=True)
        return classifier

    def require_score(self, name: str | None, key: str, logbook: Logbook) -> None:
        """Raise RatevalError when nothing gives the score that the param ``key`` asks for."""
        if name is None or name in logbook.examined:
            return
        if not logbook.examined:
            raise RatevalError(
                f'{self.name}: {key} = "{name}": the study holds no samples out to score; add a '
                "table [held_out] to its spec"
            )
        raise RatevalError(
            f'{self.name}: {key} = "{name}": unknown; the samples held out are scored by '
            f"{', '.join(logbook.examined)}: name one of them, or add the metric to the spec"
        )
