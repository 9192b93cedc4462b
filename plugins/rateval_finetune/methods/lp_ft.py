"""A linear head trained on frozen features first, then head and image tower."""

from __future__ import annotations

from collections.abc import Sequence

from rateval.api import Classifier, Context, Logbook, Model, Split
from rateval_finetune.methods.head_training import (
    HeadMethod,
    HeadTask,
    make_head,
    probe,
    probe_samples,
)
from rateval_finetune.params import LpFtParams
from rateval_finetune.training.linear_head import HeadClassifier
from rateval_finetune.training.objectives import HeadObjective


class ProbeThenFull(HeadMethod[LpFtParams]):
    """The head trained until it fits the features, then both: a random head would distort them.

    The first phase is neither examined nor saved: it comes out the same when an interrupted
    training repeats it.

    Source: LP-FT of Kumar et al., ICLR 2022, section 3.4.
    """

    name = "lp-ft"

    def train(
        self, model: Model, split: Split, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        """Train the head, then head and image tower."""
        params = self.params
        first = params.model_copy(update={"epochs": params.probe_epochs, "lr": params.probe_lr})
        classifier = HeadClassifier(model, make_head(self, model, split, classes))
        logbook.begin(probe_samples(first, split) + len(split) * params.epochs)
        probe(self, classifier, split, first, logbook, keep=False)
        task = HeadTask(classifier, HeadObjective(classifier), params.lr, params.head_lr)
        self.train_task(task, model, split, logbook)
        return classifier


def make_lp_ft(params: LpFtParams, context: Context) -> ProbeThenFull:
    """Make the finetuner that trains the head first."""
    return ProbeThenFull(params, context)
