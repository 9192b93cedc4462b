"""The training of a linear head on frozen features."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rateval.api import Classifier, Context, Logbook, Model, Split
from rateval_finetune.methods.head_training import make_head, probe, probe_samples
from rateval_finetune.methods.method import Method
from rateval_finetune.params import LpParams
from rateval_finetune.probing.solving import Solver
from rateval_finetune.training.linear_head import HeadClassifier, restore_head


class LinearProbe(Method[LpParams]):
    """A new linear head trained by cross entropy; the model stays as it is.

    Source: LP of Wang et al., AAAI 2025, arXiv 2412.13333. Their release hands the optimiser its
    weights before the head exists, so that nothing trains; here the head does. With L-BFGS it is
    the linear probe of Radford et al., ICML 2021.
    """

    name = "lp"
    leaves_weights = True

    def train(
        self, model: Model, split: Split, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        """Train the head."""
        head = make_head(self, model, split, classes)
        classifier = HeadClassifier(model, head, tuned=False)
        if self.params.solver == "lbfgs":
            Solver(self, classifier, logbook).train(split)
            return classifier
        logbook.begin(probe_samples(self.params, split))
        probe(self, classifier, split, self.params, logbook, keep=True)
        return classifier

    def restore(
        self, model: Model, classes: Sequence[str], state: dict[str, torch.Tensor]
    ) -> Classifier:
        """Load the head. Raises RatevalError when ``state`` does not fit it."""
        return self.finish(
            restore_head(model, classes, state, self.device, self.dtype, tuned=False)
        )


def make_lp(params: LpParams, context: Context) -> LinearProbe:
    """Make the linear probe."""
    return LinearProbe(params, context)
