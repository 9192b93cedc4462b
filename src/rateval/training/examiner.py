"""Hold samples out of training, and score a classifier on them while it trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from rateval.api.protocols import Classifier, Metric, Validator
from rateval.api.values import Outcomes, Score
from rateval.data.batches import Batch
from rateval.errors import RatevalError
from rateval.workbench.cell import Job
from rateval.workbench.explain import explain, predict
from rateval.workbench.judging import judge
from rateval.workbench.maps import scale_maps

ACCURACY = "accuracy"
"""Name of the score that needs no evidence, whatever the study's metrics are."""


@dataclass(frozen=True, slots=True)
class Examiner:
    """Score a classifier on held-out samples as the study would: explain, judge, count."""

    make_job: Callable[[Classifier], Job]
    """Makes the job whose ``split`` are the samples held out."""
    validator: Validator
    metrics: Mapping[str, Metric]
    """Name of a component to its metric; empty when evidence is not asked for."""

    @property
    def names(self) -> tuple[str, ...]:
        """Name the scores."""
        return tuple(dict.fromkeys((ACCURACY, *self.metrics)))

    def __call__(self, classifier: Classifier) -> Mapping[str, float | None]:
        """Return each score's value, None where its denominator is 0."""
        outcomes = self._judge(classifier)
        right = Score.share(int(outcomes.correct.sum()), len(outcomes.correct))
        scores = {name: metric.compute(outcomes).value for name, metric in self.metrics.items()}
        return {ACCURACY: right.value} | scores

    def _judge(self, classifier: Classifier) -> Outcomes:
        module = classifier.model.module
        trainable = [weight for weight in module.parameters() if weight.requires_grad]
        module.eval().requires_grad_(False)  # explanations need no gradient of a weight
        try:
            job = self.make_job(classifier)
            batches = job.batches(range(len(job.split)), masks=bool(self.metrics))
            judged = [self._judge_batch(job, batch) for batch in batches if len(batch)]
        finally:
            for weight in trainable:
                weight.requires_grad_(True)
        if not judged:
            raise RatevalError("no sample of those held out for [validation] can be read")
        correct, valid = zip(*judged, strict=True)
        return Outcomes(np.concatenate(correct), np.concatenate(valid))

    def _judge_batch(self, job: Job, batch: Batch) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        if batch.masks is None:
            logits, valid = predict(job, batch), torch.zeros(len(batch), dtype=torch.bool)
        else:
            explanation = explain(job, batch)
            assert explanation.logits is not None
            logits = explanation.logits
            # Rounded as a study's maps are when they are stored.
            relevance, _ = scale_maps(explanation.relevance)
            verdict = judge(self.validator, relevance, batch.masks, batch.has_mask, job.device)
            valid = verdict.valid
        return job.task.correct(job.task.predict(logits), batch.labels.numpy()), valid.numpy()
