"""Fine-tune a linear head and the image tower together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from rateval.api import Batch, Classifier, Context, Model, Monitor, RatevalError, Split
from rateval_finetune.linear_head import HeadClassifier, new_head, restore_head
from rateval_finetune.modes import freeze, train_only
from rateval_finetune.training import Schedule, first_images, own_randomness, train

if TYPE_CHECKING:
    from rateval_finetune.params import FtParams


class FullFinetuner:
    """Train a new linear head and the image tower by cross entropy; the text tower is frozen.

    Adam (betas 0.9 and 0.999, eps 1e-8, no weight decay) at a constant rate. One seed decides the
    head's first weights, the order of samples and any dropout.

    Source: FT of Wang et al., AAAI 2025, arXiv 2412.13333. Their release hands the optimiser its
    weights before the head exists, so that its head never trains; here it does.
    """

    trains = True

    def __init__(self, params: FtParams, context: Context) -> None:
        self.params = params
        self.seed = context.seed if params.seed is None else params.seed
        self.device = context.device
        self.dtype: torch.dtype = getattr(torch, context.dtype)

    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], monitor: Monitor
    ) -> Classifier:
        """Train ``model`` in place. Raises RatevalError without samples or when it diverges."""
        if train is None:
            raise RatevalError(
                "ft: the dataset has no training split; use a dataset that has one, or a method "
                "that doesn't train, such as zs"
            )
        generator = torch.Generator().manual_seed(self.seed)
        freeze(model)
        with torch.no_grad():
            width = model.features(self._place(first_images(train, model))).shape[1]
        head = new_head(width, len(classes), generator, self.device, self.dtype)
        classifier = HeadClassifier(model, head)
        train_only(model, model.image_tower)
        try:
            with own_randomness(self.seed, self.device):
                self._train(classifier, train, generator, monitor)
        finally:
            self._finish(classifier)
        return classifier

    def restore(
        self, model: Model, classes: Sequence[str], state: dict[str, torch.Tensor]
    ) -> Classifier:
        """Load head and image tower. Raises RatevalError when ``state`` does not fit them."""
        classifier = restore_head(model, classes, state, self.device, self.dtype)
        self._finish(classifier)
        return classifier

    def _train(
        self,
        classifier: HeadClassifier,
        split: Split,
        generator: torch.Generator,
        monitor: Monitor,
    ) -> None:
        params, model = self.params, classifier.model
        optimizer = torch.optim.Adam(
            [
                {"name": "lr", "params": list(model.image_tower.parameters()), "lr": params.lr},
                {
                    "name": "head_lr",
                    "params": list(classifier.head.parameters()),
                    "lr": params.lr if params.head_lr is None else params.head_lr,
                },
            ],
            betas=(0.9, 0.999),
            eps=1e-8,
            weight_decay=0.0,
        )

        def loss_of(batch: Batch) -> torch.Tensor:
            logits = classifier.logits(self._place(batch.images))
            return F.cross_entropy(logits, batch.labels.to(self.device))

        schedule = Schedule(params.epochs, params.batch_size, generator)
        train(split, model, schedule, optimizer, loss_of, monitor)

    def _place(self, images: torch.Tensor) -> torch.Tensor:
        return images.to(device=self.device, dtype=self.dtype)

    def _finish(self, classifier: HeadClassifier) -> None:
        freeze(classifier.model)
        classifier.head.eval().requires_grad_(False).zero_grad(set_to_none=True)


def make_full(params: FtParams, context: Context) -> FullFinetuner:
    """Make the finetuner of head and image tower."""
    return FullFinetuner(params, context)
