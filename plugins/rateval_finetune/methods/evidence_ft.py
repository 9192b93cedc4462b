"""Fine-tuning with a penalty on relevance outside of the evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch

from rateval.api import Classifier, Context, Logbook, Model, Split
from rateval.api.protocols import Explained
from rateval.api.tasks.texts import Asked, TextModel
from rateval_finetune.methods.answer_evidence import AnswerEvidenceTask
from rateval_finetune.methods.answers import refuse_head
from rateval_finetune.methods.head_training import HeadMethod, HeadTask, make_head
from rateval_finetune.methods.untuned import answers
from rateval_finetune.params import EvidenceFtParams
from rateval_finetune.relevance.patches import choose_depth, relevance_of, share_inside
from rateval_finetune.training.linear_head import HeadClassifier
from rateval_finetune.training.objectives import Scored, cross_entropy
from rateval_finetune.training.randomness import make_generator
from rateval_finetune.training.sources import MaskedShare, RequireMasks, first_batch
from rateval_finetune.training.task import Task


class EvidenceObjective(torch.nn.Module):
    """Cross entropy, and for each image with a mask 1 minus the share of relevance inside it."""

    def __init__(self, classifier: HeadClassifier, params: EvidenceFtParams) -> None:
        super().__init__()
        self.head = classifier.head
        self.image_tower = classifier.model.image_tower
        self.factor = params.weight
        """Of the penalty, now."""
        self._classifier = classifier
        self._layers = choose_depth(params.layers, classifier.model.depth)

    def forward(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
        masks: torch.Tensor | None,
        asked: Sequence[Asked | None] = (),
    ) -> Scored:
        """Score images (B, 3, H, W) with masks (B, H, W) bool, all False where there is none."""
        model = self._classifier.model
        assert masks is not None
        with model.record_attention(self._layers) as recorded:
            logits = self._classifier.logits(images)
        loss, correct = cross_entropy(logits, labels, weights)
        if self.factor == 0:
            return loss, correct
        scores = logits.gather(1, labels[:, None])[:, 0]
        relevance = relevance_of(model, recorded, scores, self._layers)
        # A map of zeros has no share, and an image without a mask no inside: neither is penalised.
        judged = masks.flatten(1).any(1) & (relevance.sum(1) > 0) & (weights > 0)
        outside = 1 - share_inside(relevance[judged], masks[judged], model.grid)
        return loss + self.factor * outside.sum(), correct


class EvidenceTask(HeadTask):
    """The training of head and image tower, the penalty rising over its warm-up."""

    def __init__(self, classifier: HeadClassifier, params: EvidenceFtParams) -> None:
        objective = EvidenceObjective(classifier, params)
        super().__init__(classifier, objective, params.lr, params.head_lr)
        self._params = params

    def at_step(self, step: int, steps: int) -> None:
        """Set the penalty's factor."""
        rising = math.ceil(steps * self._params.penalty_warmup)
        share = 1.0 if step > rising else (step - 1) / rising
        cast(EvidenceObjective, self.objective).factor = self._params.weight * share


class EvidenceFinetuner(HeadMethod[EvidenceFtParams]):
    """Fine-tuning of head and image tower to classify, and to do so on the evidence.

    The penalty is on the relevance of Generic Attention Attribution for the label, and for a model
    that answers by texts on Grad-CAM of the words that look at the image. So this method optimises
    what it may be judged by: right-looking maps are not yet right reasons, and its accuracy on a
    test whose shortcuts are broken belongs beside its PT and IR.

    Source: Ross, Hughes, Doshi-Velez, "Right for the Right Reasons", IJCAI 2017, with attention
    relevance in place of the input's gradient.
    """

    name = "evidence-ft"

    def train(
        self, model: Model, split: Split, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        """Train head and image tower. Raises RatevalError when no training sample has a mask."""
        if answers(model):
            return self._train_answers(model, split, logbook)  # type: ignore[no-any-return]
        classifier = HeadClassifier(model, make_head(self, model, split, classes))
        self._descend_masked(EvidenceTask(classifier, self.params), model, split, logbook)
        return classifier

    def _train_answers(self, model: TextModel, split: Split, logbook: Logbook) -> Any:
        """Train all weights of a text model; return what answers."""
        refuse_head(self.name, self.params)
        task = AnswerEvidenceTask(model, self.params)
        self._descend_masked(task, model, split, logbook)
        return task.classifier()

    def _descend_masked(self, task: Task, model: Explained, split: Split, logbook: Logbook) -> None:
        """Train a task on the split with the masks that the params show."""
        logbook.begin(len(split) * self.params.epochs)
        filler = first_batch(split, model, masks=True)
        whole = RequireMasks(self.read(split, model, masks=True), self.name)
        source = MaskedShare(whole, self._choose_masked(len(split)))
        self.descend(task, source, filler, self.params, logbook)

    def _choose_masked(self, count: int) -> frozenset[int]:
        drawn = torch.randperm(count, generator=make_generator(self.seed, "masks"))
        return frozenset(drawn[: math.ceil(count * self.params.mask_share)].tolist())


def make_evidence_ft(params: EvidenceFtParams, context: Context) -> EvidenceFinetuner:
    """Make the finetuner with the penalty."""
    return EvidenceFinetuner(params, context)
