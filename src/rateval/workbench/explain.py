"""One batch explained and predicted on the job's device, with every promise checked."""

from __future__ import annotations

import torch

from rateval.api.values import Explanation
from rateval.data.batches import Batch
from rateval.errors import PluginError
from rateval.workbench.cell import Job
from rateval.workbench.finite import require_finite_logits, require_relevance


def explain_batch(job: Job, batch: Batch, *, permuted: bool = False) -> Explanation:
    """Explain a batch: relevance (B, rows, cols) and logits (B, K), float32 on the CPU.

    With ``permuted`` weights numbers may leave the range of floats through no fault of a plugin:
    maps and logits may then be not finite, and logits that the explanation didn't give stay None,
    for nothing predicts with such weights.

    Raises PluginError when the attribution or the classifier returns something else than its
    protocol promises, and RatevalError for logits that are not finite. Logits are looked at first:
    where they are broken, no attribution could do better.
    """
    images, labels = batch.images.to(job.device), batch.labels.to(job.device)
    explanation = job.attribution.explain(job.classifier, images, labels, batch.ids)
    relevance = explanation.relevance.detach().float().cpu()
    _check_shape(relevance, (len(batch), *job.classifier.model.grid))
    if permuted:
        logits = explanation.logits
    elif explanation.logits is None:
        logits = predict_batch(job, batch)
    else:
        logits = _checked(explanation.logits, job, batch)
    require_relevance(relevance, batch.ids, finite=not permuted)
    return Explanation(relevance, logits)


def predict_batch(job: Job, batch: Batch) -> torch.Tensor:
    """Score a batch without explaining it: (B, K) float32 on the CPU.

    Raises PluginError for logits of another shape, and RatevalError for ones that are not finite.
    """
    with torch.inference_mode():
        logits = job.classifier.logits(batch.images.to(job.device))
    return _checked(logits, job, batch)


def _check_shape(relevance: torch.Tensor, shape: tuple[int, int, int]) -> None:
    if relevance.shape != shape:
        raise PluginError(
            f"the attribution returned relevance of shape {tuple(relevance.shape)}, "
            f"not {shape} (images, patch rows, patch columns)",
            kind="attribution",
        )


def _checked(logits: torch.Tensor, job: Job, batch: Batch) -> torch.Tensor:
    logits = logits.detach().float().cpu()
    shape = (len(batch), job.task.outputs)
    if logits.shape != shape:
        raise PluginError(
            f"the classifier returned logits of shape {tuple(logits.shape)}, "
            f"not {shape} (images, classes)"
        )
    require_finite_logits(logits, batch, job.classifier)
    return logits
