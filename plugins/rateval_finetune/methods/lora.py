"""Low-rank updates of the image tower's linear layers, trained beside a head."""

from __future__ import annotations

from collections.abc import Sequence

from rateval.api import Classifier, Context, Logbook, Model, Split
from rateval_finetune.methods.answers import train_answers
from rateval_finetune.methods.head_training import HeadMethod, HeadTask, make_head
from rateval_finetune.methods.low_rank import LowRankObjective
from rateval_finetune.methods.untuned import answers
from rateval_finetune.params import LoraParams
from rateval_finetune.training.linear_head import HeadClassifier
from rateval_finetune.training.objectives import HeadObjective


class LoraTask(HeadTask):
    """The training of a head and low-rank updates of the image tower."""

    def __init__(self, classifier: HeadClassifier, params: LoraParams, seed: int) -> None:
        self._updated = LowRankObjective(HeadObjective(classifier), params.rank, params.scale, seed)
        weights = tuple(self._updated.updates.parameters())
        super().__init__(classifier, self._updated, params.lr, params.head_lr, weights)

    def classifier(self) -> Classifier:
        """Return the classifier as it is, the updates merged with the tower's weights."""
        self._updated.merge()
        return super().classifier()


class LoraFinetuner(HeadMethod[LoraParams]):
    """A head, and an update of low rank of each linear layer of the image tower, trained.

    Afterwards the updates are part of the weights: the tower is what it was, with other weights.

    Source: Hu et al., ICLR 2022, section 4.1.
    """

    name = "lora"

    def train(
        self, model: Model, split: Split, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        """Train head and updates, and merge these."""
        if answers(model):
            return train_answers(self, model, split, logbook)  # type: ignore[no-any-return]
        params = self.params
        classifier = HeadClassifier(model, make_head(self, model, split, classes))
        task = LoraTask(classifier, params, self.seed)
        logbook.begin(len(split) * params.epochs)
        self.train_task(task, model, split, logbook)
        return task.classifier()


def make_lora(params: LoraParams, context: Context) -> LoraFinetuner:
    """Make the finetuner of low-rank updates."""
    return LoraFinetuner(params, context)
