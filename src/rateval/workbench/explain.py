"""One batch explained and predicted on the job's device, with every promise checked.

A batch that doesn't fit into the device's memory is worked on in parts, whoever explains it.
"""

from __future__ import annotations

from functools import partial

import torch

from rateval.api.values import Explanation
from rateval.data.batches import Batch
from rateval.data.checked import describe
from rateval.errors import PluginError, RatevalError
from rateval.workbench.cell import Job


def explain_batch(job: Job, batch: Batch, *, permuted: bool = False) -> Explanation:
    """Explain a batch: relevance (B, rows, cols) and logits (B, K), float32 on the CPU.

    With ``permuted`` weights numbers may leave the range of floats through no fault of a plugin:
    maps and logits may then be not finite, and logits that the explanation didn't give stay None,
    for nothing predicts with such weights.

    Raises PluginError when the attribution or the classifier returns something else than its
    protocol promises, and RatevalError for logits that are not finite or where one image alone does
    not fit into memory.
    """
    explain = partial(_explain, job, batch, permuted=permuted)
    parts = job.explaining.each(len(batch), explain)
    relevance = torch.cat([part.relevance for part in parts])
    given = [part.logits for part in parts if part.logits is not None]
    if len(given) == len(parts):
        return Explanation(relevance, torch.cat(given))
    return Explanation(relevance, None if permuted else predict_batch(job, batch))


def predict_batch(job: Job, batch: Batch) -> torch.Tensor:
    """Score a batch without explaining it: (B, K) float32 on the CPU.

    Raises PluginError for logits of another shape, and RatevalError for ones that are not finite or
    where one image alone does not fit into memory.
    """
    return torch.cat(job.predicting.each(len(batch), partial(_predict, job, batch)))


def _explain(job: Job, batch: Batch, part: slice, *, permuted: bool) -> Explanation:
    images, labels = batch.images[part].to(job.device), batch.labels[part].to(job.device)
    found = job.attribution.explain(job.classifier, images, labels, batch.ids[part])
    if not isinstance(found, Explanation):
        raise PluginError(
            f"the attribution must return an Explanation; got {describe(found)}", kind="attribution"
        )
    shape = (len(images), *job.classifier.model.grid)
    relevance = _check_relevance(found.relevance, shape, finite=not permuted)
    if found.logits is None:
        return Explanation(relevance)
    if permuted:
        return Explanation(relevance, found.logits.detach().float().cpu())
    return Explanation(relevance, _checked(found.logits, len(images), job.task.outputs))


def _predict(job: Job, batch: Batch, part: slice) -> torch.Tensor:
    images = batch.images[part].to(job.device)
    with torch.inference_mode():
        logits = job.classifier.logits(images)
    return _checked(logits, len(images), job.task.outputs)


def _check_relevance(given: object, shape: tuple[int, int, int], *, finite: bool) -> torch.Tensor:
    if not isinstance(given, torch.Tensor):
        raise PluginError(
            f"the attribution must return relevance as a tensor; got {describe(given)}",
            kind="attribution",
        )
    relevance = given.detach().float().cpu()
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
    return relevance


def _checked(given: object, count: int, outputs: int) -> torch.Tensor:
    if not isinstance(given, torch.Tensor):
        raise PluginError(f"the classifier must return logits as a tensor; got {describe(given)}")
    logits = given.detach().float().cpu()
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
