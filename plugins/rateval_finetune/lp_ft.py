"""Train a linear head on frozen features first, then head and image tower."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rateval.api import Classifier, Context, Logbook, Model, Split
from rateval_finetune.head_training import HeadTask, make_head, probe, probe_samples
from rateval_finetune.linear_head import HeadClassifier, restore_head
from rateval_finetune.method import Method
from rateval_finetune.objectives import HeadObjective
from rateval_finetune.params import LpFtParams
from rateval_finetune.sources import first_batch


class ProbeThenFull(Method[LpFtParams]):
    """Train the head until it fits the features, then both: a random head would distort them.

    The first phase is neither validated nor saved: it comes out the same when an interrupted
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
        filler = first_batch(split, model, masks=params.background_swap > 0)
        self.descend(task, self.read(split, model), filler, params, logbook)
        return classifier

    def restore(
        self, model: Model, classes: Sequence[str], state: dict[str, torch.Tensor]
    ) -> Classifier:
        """Load head and image tower. Raises RatevalError when ``state`` does not fit them."""
        return self.finish(restore_head(model, classes, state, self.device, self.dtype))


def make_lp_ft(params: LpFtParams, context: Context) -> ProbeThenFull:
    """Make the finetuner that probes first."""
    return ProbeThenFull(params, context)
