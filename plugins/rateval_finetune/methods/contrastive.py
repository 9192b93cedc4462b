"""Fine-tuning of the whole model as it was pre-trained: images against prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from rateval.api import Classifier, Context, Logbook, Model, Split
from rateval_finetune.methods.method import Method
from rateval_finetune.methods.tuned_model import TunedPromptClassifier, load_model
from rateval_finetune.params import FlcpParams
from rateval_finetune.training.modes import freeze
from rateval_finetune.training.objectives import ContrastiveObjective
from rateval_finetune.training.optimizers import Group
from rateval_finetune.training.randomness import derive_seed

_PUBLISHED_TEMPERATURE = 0.07


class ContrastiveTask:
    """The training of a whole model."""

    def __init__(
        self, model: Model, classes: Sequence[str], temperature: float | None, lr: float, seed: int
    ) -> None:
        self._model, self._classes, self._seed = model, classes, seed
        model.module.requires_grad_(True)
        self.objective = ContrastiveObjective(model, classes, temperature)
        self.groups = [Group("lr", tuple(model.module.parameters()), lr)]

    def train_mode(self) -> None:
        """Put the whole model into training mode."""
        self._model.module.train()

    def classifier(self) -> Classifier:
        """Return a classifier by the prompts' embeddings with the weights as they are."""
        self._model.module.eval()
        return TunedPromptClassifier(self._model, self._classes)

    def at_step(self, step: int, steps: int) -> None:
        """Draw the step's prompts."""
        self.objective.choose_prompts(derive_seed(self._seed, "prompts", step))


class ContrastiveFinetuner(Method[FlcpParams]):
    """Fine-tuning like CLIP's pre-training: both towers, by a contrastive loss over the batch.

    The classifier is that of zero-shot with the new weights; nothing is added to the model.

    Source: FLCP of Wang et al., AAAI 2025, arXiv 2412.13333; Goyal et al., CVPR 2023.
    """

    name = "flcp"

    def train(
        self, model: Model, split: Split, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        """Train all weights of the model."""
        params = self.params
        task = ContrastiveTask(model, classes, self._temperature(model), params.lr, self.seed)
        logbook.begin(len(split) * params.epochs)
        self.train_task(task, model, split, logbook)
        return task.classifier()

    def restore(
        self,
        model: Model,
        classes: Sequence[str],
        state: dict[str, torch.Tensor],
        kept: Mapping[str, torch.Tensor] | None = None,
    ) -> Classifier:
        """Load the model's weights. Raises RatevalError when ``state`` does not fit them."""
        load_model(model, state)
        freeze(model)
        return TunedPromptClassifier(model, classes, kept)

    def _temperature(self, model: Model) -> float | None:
        asked = self.params.temperature
        if asked == "published":
            # Of the published models, CLIP alone has a head on the projected embedding.
            projected = model.card.head_feature == "projected embedding"
            return _PUBLISHED_TEMPERATURE if projected else None
        return None if asked == "learnt" else asked


def make_flcp(params: FlcpParams, context: Context) -> ContrastiveFinetuner:
    """Make the contrastive finetuner."""
    return ContrastiveFinetuner(params, context)
