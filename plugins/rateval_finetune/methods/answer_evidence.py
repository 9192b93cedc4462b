"""Models that answer by texts, trained to answer, and to do so on the evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from rateval.api.tasks.texts import Asked, TextModel
from rateval_finetune.methods.answers import AnswerObjective, AnswerTask, TunedAnswerer
from rateval_finetune.params import EvidenceFtParams
from rateval_finetune.relevance.patches import share_inside
from rateval_finetune.relevance.words import relevance_of_answers
from rateval_finetune.training.objectives import Scored


class AnswerEvidenceObjective(AnswerObjective):
    """Minus the log probability of the answer, and 1 minus the share of relevance in the mask."""

    def __init__(self, model: TextModel, params: EvidenceFtParams) -> None:
        super().__init__(model)
        self.factor = params.weight
        """Of the penalty, now."""
        self._layers = params.layers

    def forward(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
        masks: torch.Tensor | None,
        asked: Sequence[Asked | None] = (),
    ) -> Scored:
        """Score answers about images (B, 3, H, W); masks (B, H, W) are all False where none is."""
        assert masks is not None
        if self.factor == 0:
            return super().forward(images, labels, weights, masks, asked)
        model = self.model
        with model.record_flow() as flow:
            scores = self.score(images, asked)
        relevance = relevance_of_answers(flow, scores, self._layers)
        relevance = model.put_on_grid(relevance).flatten(1)
        # A map of zeros has no share, and an image without a mask no inside: neither is penalised.
        judged = masks.flatten(1).any(1) & (relevance.sum(1) > 0) & (weights > 0)
        outside = 1 - share_inside(relevance[judged], masks[judged], model.grid)
        return -(scores * weights).sum() + self.factor * outside.sum(), None


class AnswerEvidenceTask(AnswerTask):
    """The training of a whole text model, the penalty rising over its warm-up."""

    def __init__(self, model: TextModel, params: EvidenceFtParams) -> None:
        model.module.requires_grad_(True)
        self._evidence = AnswerEvidenceObjective(model, params)
        super().__init__(model, self._evidence, tuple(model.module.parameters()), params.lr)
        self._params = params

    def train_mode(self) -> None:
        """Leave the model in eval mode: what is explained is the model without dropout."""
        self._evidence.model.module.eval()

    def classifier(self) -> Any:
        """Return the model as it is now."""
        return TunedAnswerer(self._evidence.model)

    def at_step(self, step: int, steps: int) -> None:
        """Set the penalty's factor."""
        rising = math.ceil(steps * self._params.penalty_warmup)
        share = 1.0 if step > rising else (step - 1) / rising
        self._evidence.factor = self._params.weight * share
