"""Models that answer by texts, trained to make the given answers likely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch

from rateval.api import Logbook, RatevalError, Split
from rateval.api.tasks.texts import Asked, TextModel
from rateval_finetune.methods.low_rank import LowRankObjective, linear_weights
from rateval_finetune.methods.method import Method
from rateval_finetune.methods.tuned_model import copy_model, load_model
from rateval_finetune.methods.untuned import UntunedAnswerer
from rateval_finetune.params import FtParams, LoraParams
from rateval_finetune.training.modes import freeze
from rateval_finetune.training.objectives import Scored
from rateval_finetune.training.optimizers import Group


class TunedAnswerer(UntunedAnswerer):
    """A text model whose weights were trained."""

    def state(self) -> dict[str, torch.Tensor]:
        """Copy all weights of the model to the CPU, as ``model.*``."""
        return copy_model(self.model)


class AnswerObjective(torch.nn.Module):
    """Minus the log probability of the answer that was given most, summed over its tokens.

    Of captions, of which each is given once, that is the first.
    """

    def __init__(self, model: TextModel) -> None:
        super().__init__()
        self.module = model.module
        self.model = model

    def forward(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
        masks: torch.Tensor | None,
        asked: Sequence[Asked | None] = (),
    ) -> Scored:
        """Score the answers to questions about images (B, 3, H, W)."""
        return -(self.score(images, asked) * weights).sum(), None

    def score(self, images: torch.Tensor, asked: Sequence[Asked | None]) -> torch.Tensor:
        """Return the log probability of each answer, (B,).

        Raises RatevalError where a sample asks nothing.
        """
        found = [one for one in asked if one is not None]
        if len(found) != len(images):
            raise RatevalError(
                "the training split has samples without a question or a caption, and this model "
                "learns texts; use a dataset whose task is vqa or captioning"
            )
        answers = [one.most_given for one in found]
        scores = self.model.score(images, [one.question for one in found], answers)
        return scores.log_probabilities.sum(dim=1)


class AnswerTask:
    """The training of a text model: of all weights, or of some in their place."""

    def __init__(
        self,
        model: TextModel,
        objective: AnswerObjective | LowRankObjective,
        weights: Sequence[torch.nn.Parameter],
        lr: float,
    ) -> None:
        self._model = model
        self.objective: torch.nn.Module = objective
        self.groups = [Group("lr", tuple(weights), lr)]

    def train_mode(self) -> None:
        """Put the whole model into training mode."""
        self._model.module.train()

    def classifier(self) -> Any:
        """Return the model as it is now, in eval mode."""
        if isinstance(self.objective, LowRankObjective):
            self.objective.merge()
        self._model.module.eval()
        return TunedAnswerer(self._model)

    def at_step(self, step: int, steps: int) -> None:
        """Do nothing: nothing changes from step to step."""


def train_answers(method: Method[Any], model: TextModel, split: Split, logbook: Logbook) -> Any:
    """Train a text model by a method's params; return what answers.

    Raises RatevalError for params that a classifier's head has.
    """
    params: FtParams = method.params
    refuse_head(method.name, params)
    answering = AnswerObjective(model)
    objective: AnswerObjective | LowRankObjective = answering
    if isinstance(params, LoraParams):
        language = _language_weights(answering, model)
        objective = LowRankObjective(
            answering, params.rank, params.scale, method.seed, weights=language
        )
        weights = tuple(objective.updates.parameters())
    else:
        model.module.requires_grad_(True)
        weights = tuple(model.module.parameters())
    task = AnswerTask(model, objective, weights, params.lr)
    logbook.begin(len(split) * params.epochs)
    method.train_task(task, model, split, logbook)
    return task.classifier()


def refuse_head(name: str, params: FtParams) -> None:
    """Raise RatevalError for params of a method that a classifier's head has."""
    if params.head_lr is not None:
        raise RatevalError(
            f"{name}: head_lr = {params.head_lr:g}: a model that answers by texts has no "
            "linear head; leave it out"
        )


def _language_weights(
    objective: AnswerObjective, model: TextModel
) -> dict[str, torch.nn.Parameter]:
    """Return the weights of the linear layers that read and write, by name in the objective.

    One that has several names, as output words that are the input words, is left as it is.
    """
    names = Counter(id(w) for _, w in objective.named_parameters(remove_duplicate=False))
    own = {id(weight) for weight in model.language.parameters()}
    return {
        name: weight
        for name, weight in linear_weights(objective.module, "module.")
        if id(weight) in own and names[id(weight)] == 1
    }


def restore_answers(model: TextModel, state: dict[str, torch.Tensor]) -> Any:
    """Rebuild what a training left. Raises RatevalError where its state doesn't fit the model."""
    load_model(model, state)
    freeze(model)
    return TunedAnswerer(model)
