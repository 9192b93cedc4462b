"""What a method gives the training loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from rateval.api import Classifier
from rateval_finetune.training.optimizers import Group


class Task(Protocol):
    """The thing that a method trains, and how it scores a batch."""

    @property
    def objective(self) -> torch.nn.Module:
        """The module that holds the weights that train.

        Called with images (B, 3, H, W), labels (B,) int64, weights (B,) float32 that are 0 for
        images which only fill a process's share, masks (B, H, W) bool or None, and what is asked of
        each image, it returns the loss, summed over the samples, () float32, and how many classes
        were right, () or None.
        """
        ...

    @property
    def groups(self) -> Sequence[Group]:
        """The weights that train, by their rates."""
        ...

    def train_mode(self) -> None:
        """Put the modules that train into training mode, others into eval mode."""
        ...

    def classifier(self) -> Classifier:
        """Return the classifier as it is now; its modules are in eval mode."""
        ...

    def at_step(self, step: int, steps: int) -> None:
        """Prepare for a step (the first is 1)."""
        ...
