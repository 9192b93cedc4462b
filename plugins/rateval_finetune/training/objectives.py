"""Objectives of training: losses of a batch, as modules that hold the weights which train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from rateval.api import Model
from rateval.api.tasks.texts import Asked
from rateval_finetune.training.linear_head import HeadClassifier

Scored = tuple[torch.Tensor, torch.Tensor | None]
"""Loss summed over the samples, () float32, and how many classes were right, () int64."""


class FeatureObjective(torch.nn.Module):
    """Cross entropy of a head on features that were computed before."""

    def __init__(self, classifier: HeadClassifier) -> None:
        super().__init__()
        self.head = classifier.head
        self._classifier = classifier

    def forward(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
        masks: torch.Tensor | None,
        asked: Sequence[Asked | None] = (),
    ) -> Scored:
        """Score features (B, F), given in the place of images."""
        return cross_entropy(self._classifier.score(images), labels, weights)


class HeadObjective(torch.nn.Module):
    """Cross entropy of a head on the image tower, both of which train."""

    def __init__(self, classifier: HeadClassifier) -> None:
        super().__init__()
        self.head = classifier.head
        self.image_tower = classifier.model.image_tower
        self._classifier = classifier

    def forward(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
        masks: torch.Tensor | None,
        asked: Sequence[Asked | None] = (),
    ) -> Scored:
        """Score images (B, 3, H, W)."""
        return cross_entropy(self._classifier.logits(images), labels, weights)


class ContrastiveObjective(torch.nn.Module):
    """Symmetric cross entropy over the similarities of a batch's images and prompts.

    Image i belongs to prompt i alone: others of its class count as negatives, as published. The
    batch is that of all processes.

    Source: Radford et al., ICML 2021, figure 3; FLCP of Wang et al., AAAI 2025, arXiv 2412.13333.
    """

    def __init__(self, model: Model, classes: Sequence[str], temperature: float | None) -> None:
        """Train ``model`` at a fixed ``temperature``, or with its own, which learns, when None."""
        super().__init__()
        self.module = model.module
        self._model = model
        self._prompts = model.prompts(classes)
        self._chosen = [prompts[0] for prompts in self._prompts]
        self._temperature = temperature

    def choose_prompts(self, seed: int) -> None:
        """Draw one of each class's prompts, the same for every process and pass of a step."""
        drawn = np.random.default_rng(seed).integers([len(prompts) for prompts in self._prompts])
        self._chosen = [of[at] for of, at in zip(self._prompts, drawn.tolist(), strict=True)]

    def forward(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
        masks: torch.Tensor | None,
        asked: Sequence[Asked | None] = (),
    ) -> Scored:
        """Compare images (B, 3, H, W) with prompts of their labels."""
        seen = F.normalize(self._model.encode_image(images).float(), dim=-1)
        said = F.normalize(self._encode_prompts(labels).float(), dim=-1)
        scale = self._model.logit_scale if self._temperature is None else 1 / self._temperature
        (all_seen, all_said, real), own = _gather(seen, said, weights[:, None])
        absent = real.flatten() == 0  # what only fills a process's share
        # Finite, though as good as none: a row with nothing else would have no gradient.
        nothing = torch.finfo(seen.dtype).min
        by_image = (scale * seen @ all_said.T).float().masked_fill(absent, nothing)
        by_prompt = (scale * said @ all_seen.T).float().masked_fill(absent, nothing)
        return (_weigh(by_image, own, weights) + _weigh(by_prompt, own, weights)) / 2, None

    def _encode_prompts(self, labels: torch.Tensor) -> torch.Tensor:
        classes, rows = torch.unique(labels, return_inverse=True)
        return self._model.encode_text([self._chosen[label] for label in classes.tolist()])[rows]


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> Scored:
    """Sum the cross entropy of (B, K) float32 logits, and count the right classes.

    >>> logits = torch.tensor([[0.0, 0.0], [9.0, 0.0]])
    >>> loss, correct = cross_entropy(logits, torch.tensor([1, 1]), torch.tensor([1.0, 0.0]))
    >>> round(loss.item(), 4), int(correct)
    (0.6931, 0)
    """
    correct = ((logits.argmax(1) == labels) & (weights > 0)).sum()
    return _weigh(logits, labels, weights), correct


def _weigh(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    return (F.cross_entropy(logits, labels, reduction="none") * weights).sum()


def _gather(*parts: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Return the rows of all processes, and the positions of this one's rows among them.

    Processes with fewer rows than others are padded with rows of zeros.
    """
    count, place = len(parts[0]), parts[0].device
    own = torch.arange(count, device=place)
    if not torch.distributed.is_initialized():
        return list(parts), own
    longest = torch.tensor(count, device=place)
    torch.distributed.all_reduce(longest, torch.distributed.ReduceOp.MAX)
    missing = int(longest) - count
    padded = [F.pad(part, (0, 0, 0, missing)) for part in parts]
    rows = [_GatherRows.apply(part) for part in padded]
    return rows, own + torch.distributed.get_rank() * int(longest)


class _GatherRows(torch.autograd.Function):
    """The rows of all processes below one another; gradients flow back to their owners."""

    @staticmethod
    def forward(context: Any, rows: torch.Tensor) -> torch.Tensor:
        gathered = [torch.empty_like(rows) for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather(gathered, rows.contiguous())
        return torch.cat(gathered)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        total = gradient.contiguous().clone()
        torch.distributed.all_reduce(total)
        count = len(total) // torch.distributed.get_world_size()
        return total[torch.distributed.get_rank() * count :][:count]
