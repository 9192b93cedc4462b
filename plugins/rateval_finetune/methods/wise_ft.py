"""Fine-tuning from the zero-shot head, then only a part of the way from zero-shot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from rateval.api import Classifier, Context, Logbook, Model, RatevalError, Split
from rateval_finetune.methods.head_training import HeadTask
from rateval_finetune.methods.method import Method
from rateval_finetune.methods.zero_shot import class_embeddings
from rateval_finetune.params import WiseFtParams
from rateval_finetune.training.linear_head import HeadClassifier, empty_head, restore_head
from rateval_finetune.training.objectives import HeadObjective
from rateval_finetune.training.processes import say_once

State = Mapping[str, torch.Tensor]


class WiseFinetuner(Method[WiseFtParams]):
    """Head and image tower trained from zero-shot, then interpolated with it in all weights.

    The head starts as the class prompts' embeddings times the logit scale, so that the training
    starts at zero-shot's own logits.

    Source: WiSE-FT of Wortsman et al., CVPR 2022, section 3.
    """

    name = "wise-ft"

    def train(
        self, model: Model, split: Split, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        """Train, score every ``alpha`` where samples are held out, and take the best one."""
        params = self.params
        if len(params.alphas) > 1:
            self.require_score(params.choose_by, "choose_by", logbook)
        classifier = HeadClassifier(
            model, zero_shot_head(model, classes, self.device), on_embedding=True
        )
        zero_shot = classifier.state()
        task = HeadTask(classifier, HeadObjective(classifier), params.lr, params.head_lr)
        logbook.begin(len(split) * params.epochs)
        self.train_task(task, model, split, logbook)
        task.classifier()
        self._interpolate(classifier, zero_shot, logbook)
        return classifier

    def _interpolate(self, classifier: HeadClassifier, zero_shot: State, logbook: Logbook) -> None:
        alphas, trained = self.params.alphas, classifier.state()

        def score() -> list[dict[str, float | None]]:
            scored: list[dict[str, float | None]] = []
            for alpha in alphas:
                classifier.load(interpolate(zero_shot, trained, alpha))
                scored.append({"alpha": alpha, **logbook.examine(classifier)})
            logbook.tell("alphas", scored)  # of a single one, too: the curve ends before it
            return scored

        scored = say_once(score) if logbook.examined else []
        chosen = self._choose(scored) if len(alphas) > 1 else alphas[0]
        logbook.tell("alpha", chosen)
        classifier.load(interpolate(zero_shot, trained, chosen))

    def _choose(self, scored: Sequence[Mapping[str, float | None]]) -> float:
        name = self.params.choose_by
        values = zip(self.params.alphas, (scores[name] for scores in scored), strict=True)
        defined = {alpha: value for alpha, value in values if value is not None}
        if not defined:
            raise RatevalError(
                f'{self.name}: choose_by = "{name}" is undefined for every alpha on the samples '
                'held out; hold more of them out in [held_out], or choose by "accuracy"'
            )
        # The first of equal ones, which is the nearest to zero-shot.
        return max(defined, key=lambda alpha: defined[alpha])

    def restore(
        self, model: Model, classes: Sequence[str], state: dict[str, torch.Tensor]
    ) -> Classifier:
        """Load head and image tower. Raises RatevalError when ``state`` does not fit them."""
        return self.finish(
            restore_head(model, classes, state, self.device, torch.float32, on_embedding=True)
        )


def zero_shot_head(model: Model, classes: Sequence[str], device: str) -> torch.nn.Linear:
    """Make a head whose logits on an image's embedding of unit length are those of zero-shot."""
    embedded = class_embeddings(model, classes)
    head = empty_head(embedded.shape[1], len(classes)).to(device)
    with torch.no_grad():
        head.weight.copy_(model.logit_scale * embedded)
        head.bias.zero_()
    return head


def interpolate(zero_shot: State, trained: State, alpha: float) -> dict[str, torch.Tensor]:
    """Return tensors between ``zero_shot`` and ``trained`` by a share ``alpha``.

    What holds no fractions, such as a count, is taken as trained.

    >>> interpolate({"a": torch.zeros(1)}, {"a": torch.ones(1)}, 0.25)
    {'a': tensor([0.2500])}
    """
    return {
        name: torch.lerp(zero_shot[name], tensor, alpha) if tensor.is_floating_point() else tensor
        for name, tensor in trained.items()
    }


def make_wise_ft(params: WiseFtParams, context: Context) -> WiseFinetuner:
    """Make the finetuner that interpolates."""
    return WiseFinetuner(params, context)
