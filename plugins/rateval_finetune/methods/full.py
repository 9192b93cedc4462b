"""Fine-tuning of a linear head and the image tower together."""

from __future__ import annotations

from collections.abc import Sequence

from rateval.api import Classifier, Context, Logbook, Model, Split
from rateval_finetune.methods.answers import train_answers
from rateval_finetune.methods.head_training import HeadMethod, HeadTask, make_head
from rateval_finetune.methods.untuned import answers
from rateval_finetune.params import FtParams
from rateval_finetune.training.linear_head import HeadClassifier
from rateval_finetune.training.objectives import HeadObjective


class FullFinetuner(HeadMethod[FtParams]):
    """Fine-tuning of a new head and the image tower by cross entropy; the text tower is frozen.

    Source: FT of Wang et al., AAAI 2025, arXiv 2412.13333. Their release hands the optimiser its
    weights before the head exists, so that its head never trains; here it does.
    """

    name = "ft"

    def train(
        self, model: Model, split: Split, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        """Train head and image tower."""
        if answers(model):
            return train_answers(self, model, split, logbook)  # type: ignore[no-any-return]
        params = self.params
        classifier = HeadClassifier(model, make_head(self, model, split, classes))
        task = HeadTask(classifier, HeadObjective(classifier), params.lr, params.head_lr)
        logbook.begin(len(split) * params.epochs)
        self.train_task(task, model, split, logbook)
        return classifier


def make_full(params: FtParams, context: Context) -> FullFinetuner:
    """Make the finetuner of head and image tower."""
    return FullFinetuner(params, context)
