"""One batch explained and predicted on the job's device, with every promise checked."""

from __future__ import annotations

import torch

from rateval.api.values import Explanation
from rateval.data.batches import Batch
from rateval.errors import PluginError, RatevalError
from rateval.workbench.cell import Job


def explain_batch(job: Job, batch: Batch, *, permuted: bool = False) -> Explanation:
    """Explain a batch: relevance (B, rows, cols) and logits (B, K), float32 on the CPU.

    With ``permuted`` weights numbers may leave the range of floats through no fault of a plugin:
    maps and logits may then be not finite, and logits that the explanation didn't give stay None,
    for nothing predicts with such weights.

    Raises PluginError when the attribution or the classifier returns something else than its
    protocol promises, and RatevalError for logits that are not finite.
    """
    images, labels = batch.images.to(job.device), batch.labels.to(job.device)
    explanation = job.attribution.explain(job.classifier, images, labels, batch.ids)
    relevance = explanation.relevance.detach().float().cpu()
    _check_relevance(relevance, (len(batch), *job.classifier.model.grid), finite=not permuted)
    if permuted:
        return Explanation(relevance, explanation.logits)
    if explanation.logits is None:
        return Explanation(relevance, predict_batch(job, batch))
    return Explanation(relevance, _checked(explanation.logits, len(batch), job.task.outputs))


def predict_batch(job: Job, batch: Batch) -> torch.Tensor:
    """Score a batch without explaining it: (B, K) float32 on the CPU.

    Raises PluginError for logits of another shape, and RatevalError for ones that are not finite.
    """
    with torch.inference_mode():
        logits = job.classifier.logits(batch.images.to(job.device))
    return _checked(logits, len(batch), job.task.outputs)


def _check_relevance(relevance: torch.Tensor, shape: tuple[int, int, int], *, finite: bool) -> None:
    if relevance.shape != shape:
        raise PluginError(
            f"the attribution returned relevance of shape {tuple(relevance.shape)}, "
            f"not {shape} (images, patch rows, patch columns)",
            kind="attribution",
        )
    if (finite and not torch.isfinite(relevance).all()) or (relevance < 0).any():
        raise PluginError(
            "the attribution returned relevance that is negative or not finite", kind="attribution"
        )


def _checked(logits: torch.Tensor, count: int, outputs: int) -> torch.Tensor:
    logits = logits.detach().float().cpu()
    if logits.shape != (count, outputs):
        raise PluginError(
            f"the classifier returned logits of shape {tuple(logits.shape)}, "
            f"not {(count, outputs)} (images, classes)"
        )
    if not torch.isfinite(logits).all():
        raise RatevalError(
            "the classifier returned logits that are not finite; its weights are broken or its "
            "fine-tuning diverged: lower the rate, or check the checkpoint"
        )
    return logits
