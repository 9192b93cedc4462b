"""Samples held out of training, and a classifier scored on them while it trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rateval.api.protocols import Classifier, Metric, Validator
from rateval.api.values import Outcomes, Score
from rateval.data.batches import Batch
from rateval.errors import RatevalError
from rateval.workbench.cell import Job
from rateval.workbench.explain import explain_batch, predict_batch
from rateval.workbench.maps import scale_maps
from rateval.workbench.verdicts.counting import Counting
from rateval.workbench.verdicts.judging import judge_batch

ACCURACY = "accuracy"
"""Name of the score that there is whatever the study's metrics are; a metric of theirs that has
this label takes its place."""


@dataclass(frozen=True, slots=True)
class Examiner:
    """The scores of a classifier on held-out samples, as in the study: explain, judge, count."""

    make_job: Callable[[Classifier], Job]
    """Makes the job whose ``split`` are the samples held out."""
    validator: Validator | None
    """None where nothing is to be explained and judged."""
    metrics: Mapping[str, Metric]
    """Label in the study to its metric."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scores."""
        return tuple(dict.fromkeys((ACCURACY, *self.metrics)))

    def __call__(self, classifier: Classifier) -> Mapping[str, float | None]:
        """Return each score's value, None where its denominator is 0."""
        job = self.make_job(classifier)
        outcomes = self._judge(job)
        right = Score.share(int(outcomes.correct.sum()), len(outcomes.correct))
        return {ACCURACY: right.value} | {
            label: Counting(label, metric).count(outcomes).value
            for label, metric in self.metrics.items()
        }

    def _judge(self, job: Job) -> Outcomes:
        module = job.classifier.model.module
        trainable = [weight for weight in module.parameters() if weight.requires_grad]
        module.eval().requires_grad_(False)  # explanations need no gradient of a weight
        try:
            batches = job.batches(range(len(job.split)), masks=self.validator is not None)
            judged = [self._judge_batch(job, batch) for batch in batches if len(batch)]
        finally:
            for weight in trainable:
                weight.requires_grad_(True)
        if not judged:
            raise RatevalError("no sample of those held out for [held_out] can be read")
        correct, valid, known = (np.concatenate(part) for part in zip(*judged, strict=True))
        return Outcomes(correct, valid, known)

    def _judge_batch(
        self, job: Job, batch: Batch
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        if self.validator is None or batch.masks is None:
            outputs = predict_batch(job, batch)
            valid = known = np.zeros(len(batch), np.bool_)
        else:
            found = explain_batch(job, batch)
            assert found.outputs is not None
            outputs = found.outputs
            # Rounded as a study's maps are when they are stored.
            relevance, _ = scale_maps(found.explanation.relevance)
            verdict = judge_batch(
                self.validator, relevance, batch.masks, batch.has_mask, job.device
            )
            valid, known = verdict.valid.numpy(), np.array(batch.has_mask)
        predictions = job.task.predictions(outputs)
        return job.task.correct(predictions, batch.labels.numpy(), batch.asked), valid, known
