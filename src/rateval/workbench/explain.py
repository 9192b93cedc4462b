"""One batch explained and predicted on the job's device, with every promise checked.

A batch that doesn't fit into the device's memory is worked on in parts, whoever explains it.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from rateval.api.protocols import Attribution, Classifier
from rateval.api.values import Explanation
from rateval.data.batches import Batch
from rateval.data.checked import describe
from rateval.errors import PluginError
from rateval.workbench.cell import Job, Shared
from rateval.workbench.finite import require_finite_logits, require_relevance


def explain_batch(job: Job, batch: Batch, *, permuted: bool = False) -> Explanation:
    """Explain a batch: relevance (B, rows, cols) and logits (B, K), float32 on the CPU.

    With ``permuted`` weights numbers may leave the range of floats through no fault of a plugin:
    maps and logits may then be not finite, and logits that the explanation didn't give stay None,
    for nothing predicts with such weights.

    Raises PluginError when the attribution or the classifier returns something else than its
    protocol promises, and RatevalError for logits that are not finite or where one image alone does
    not fit into memory. Logits are looked at first: where they are broken, no attribution could do
    better.
    """
    parts = job.explaining.each(len(batch), partial(_explain, job, batch))
    return _join(job, batch, parts, permuted=permuted)


def explain_each(job: Job, batch: Batch) -> list[Explanation]:
    """Explain a batch by each attribution that is wanted of those that share a pass, in order.

    Where none is shared, that is the job's attribution alone. Raises what ``explain_batch`` raises.
    """
    if job.shared is None:
        return [explain_batch(job, batch)]
    each = partial(_explain_together, job, batch, job.shared)
    found = job.explaining.each(len(batch), each)
    return [_join(job, batch, parts) for parts in zip(*found, strict=True)]


def _join(
    job: Job, batch: Batch, parts: Sequence[Explanation], *, permuted: bool = False
) -> Explanation:
    relevance = torch.cat([part.relevance for part in parts])
    given = [part.logits for part in parts if part.logits is not None]
    logits = torch.cat(given) if len(given) == len(parts) else None
    if not permuted:
        if logits is None:
            logits = predict_batch(job, batch)
        else:
            require_finite_logits(logits, batch, job.classifier)
    require_relevance(relevance, batch.ids, finite=not permuted)
    return Explanation(relevance, logits, *(_joined(parts, name) for name in _SUMS))


_SUMS = ("gaps", "differences")


def _joined(parts: Sequence[Explanation], name: str) -> torch.Tensor | None:
    given = [found for part in parts if (found := getattr(part, name)) is not None]
    return torch.cat(given) if len(given) == len(parts) else None


def predict_batch(job: Job, batch: Batch) -> torch.Tensor:
    """Score a batch without explaining it: (B, K) float32 on the CPU.

    Raises PluginError for logits of another shape, and RatevalError for ones that are not finite or
    where one image alone does not fit into memory.
    """
    logits = torch.cat(job.predicting.each(len(batch), partial(_predict, job, batch)))
    require_finite_logits(logits, batch, job.classifier)
    return logits


def _explain(job: Job, batch: Batch, part: slice) -> Explanation:
    attribution: Any = job.attribution
    more = {"sizes": batch.sizes[part]} if _takes_sizes(attribution) else {}
    found = attribution.explain(*_arguments(job, batch, part), **more)
    return _checked(job, found, len(batch.ids[part]))


def _explain_together(job: Job, batch: Batch, shared: Shared, part: slice) -> list[Explanation]:
    attribution: Any = shared.planned[shared.wanted[0]]
    if not hasattr(attribution, "explain_together"):
        raise PluginError(
            "the attribution's component says that it shares a pass, and so it must offer "
            "explain_together (rateval.api.sharing.Sharing)",
            kind="attribution",
        )
    arguments = _arguments(job, batch, part)
    found = attribution.explain_together(shared.planned, shared.wanted, *arguments)
    if not isinstance(found, Sequence) or len(found) != len(shared.wanted):
        raise PluginError(
            f"explain_together must return a sequence of {len(shared.wanted)}, an Explanation for "
            f"each attribution that is wanted; got {describe(found)}",
            kind="attribution",
        )
    return [_checked(job, one, len(batch.ids[part])) for one in found]


def _arguments(
    job: Job, batch: Batch, part: slice
) -> tuple[Classifier, torch.Tensor, torch.Tensor, Sequence[str]]:
    # A copy: a batch may be kept for other explainers, and a plugin may write into what it gets.
    # Fetched while the processor goes on, where the batch lies in memory that a GPU can read.
    images = batch.images[part].to(job.device, copy=True, non_blocking=batch.images.is_pinned())
    labels = batch.labels[part].to(job.device, copy=True)
    return job.classifier, images, labels, batch.ids[part]


def _checked(job: Job, found: object, count: int) -> Explanation:
    if not isinstance(found, Explanation):
        raise PluginError(
            f"the attribution must return an Explanation; got {describe(found)}", kind="attribution"
        )
    relevance = _on_cpu(found.relevance, (count, *job.classifier.model.grid))
    logits = found.logits
    if logits is not None:
        logits = _logits(logits, count, job.task.outputs)
    return Explanation(relevance, logits, *_sums(found, count))


def _sums(found: Explanation, count: int) -> list[torch.Tensor | None]:
    if found.gaps is None and found.differences is None:
        return [None, None]
    sums: list[torch.Tensor | None] = []
    for name in _SUMS:
        given: Any = getattr(found, name)
        if not isinstance(given, torch.Tensor) or given.shape != (count,):
            raise PluginError(
                f"the attribution must return gaps and differences as tensors of shape ({count},), "
                f"or neither; {name} is {describe(given)}",
                kind="attribution",
            )
        sums.append(given.detach().float().cpu())
    return sums


def _takes_sizes(attribution: Attribution) -> bool:
    return "sizes" in inspect.signature(attribution.explain).parameters


def _predict(job: Job, batch: Batch, part: slice) -> torch.Tensor:
    images = batch.images[part].to(job.device, non_blocking=batch.images.is_pinned())
    with torch.inference_mode():
        logits = job.classifier.logits(images)
    return _logits(logits, len(images), job.task.outputs)


def _on_cpu(given: object, shape: tuple[int, int, int]) -> torch.Tensor:
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
    return relevance


def _logits(given: object, count: int, outputs: int) -> torch.Tensor:
    if not isinstance(given, torch.Tensor):
        raise PluginError(f"the classifier must return logits as a tensor; got {describe(given)}")
    logits = given.detach().float().cpu()
    if logits.shape != (count, outputs):
        raise PluginError(
            f"the classifier returned logits of shape {tuple(logits.shape)}, "
            f"not {(count, outputs)} (images, classes)"
        )
    return logits
