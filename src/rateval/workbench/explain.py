"""One batch explained and predicted on the job's device, with every promise checked.

A batch that doesn't fit into the device's memory is worked on in parts, whoever explains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rateval.api.tasks.task import Explained, Inputs, Outputs, Predictions, Units
from rateval.api.values import Explanation
from rateval.data.batches import Batch
from rateval.errors import PluginError
from rateval.wording import describe
from rateval.workbench.cell import Job, Shared
from rateval.workbench.finite import require_finite, require_relevance
from rateval.workbench.units import join_units, require_units, spread


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What is known of a batch once it is predicted and explained, on the CPU."""

    explanation: Explanation
    outputs: Outputs | None
    """None only with permuted weights, where nothing is predicted."""
    units: Units | None = None
    """What both are of, where that isn't each sample of the batch once."""


def explain_batch(job: Job, batch: Batch, *, permuted: bool = False, kept: bool = False) -> Found:
    """Explain a batch: relevance (B, rows, cols) float32, and what was predicted, on the CPU.

    With ``permuted`` weights numbers may leave the range of floats through no fault of a plugin:
    maps and outputs may then be not finite, and outputs that the explanation didn't give stay
    None, for nothing predicts with such weights. Outputs that are ``kept`` have all that rows do.

    Raises PluginError when the attribution or the classifier returns something else than its
    protocol promises, and RatevalError for outputs that are not finite or where one image alone
    does not fit into memory. Outputs are looked at first: where they are broken, no attribution
    could do better.
    """
    parts = job.explaining.each(len(batch), partial(_explain, job, batch, kept))
    return _join(job, batch, parts, permuted=permuted)


def explain_each(job: Job, batch: Batch) -> list[Found]:
    """Explain a batch by each attribution that is wanted of those that share a pass, in order.

    Where none is shared, that is the job's attribution alone. Outputs have all that rows keep.
    Raises what ``explain_batch`` raises.
    """
    if job.shared is None:
        return [explain_batch(job, batch, kept=True)]
    each = partial(_explain_together, job, batch, job.shared)
    found = job.explaining.each(len(batch), each)
    return [_join(job, batch, parts) for parts in zip(*found, strict=True)]


def predict_batch(job: Job, batch: Batch) -> Outputs:
    """Predict a batch without explaining it.

    Raises PluginError for outputs of another shape, and RatevalError for ones that are not finite
    or where one image alone does not fit into memory.
    """
    outputs = _join_outputs(job.predicting.each(len(batch), partial(_predict, job, batch)))
    require_finite(outputs.numbers, batch, job.classifier)
    return outputs


def follow_batch(
    job: Job, batch: Batch, predictions: Predictions
) -> tuple[Outputs, NDArray[np.float64]]:
    """Predict a batch of changed images; return also how sure the classifier is of predictions.

    These are of the images before; the numbers are in [0, 1], (B,). Raises what ``predict_batch``
    raises.
    """

    def follow(part: slice) -> tuple[Outputs, NDArray[np.float64]]:
        inputs = make_inputs(job, batch, part)
        given = predictions.at(range(len(batch))[part])
        with torch.inference_mode():
            outputs, sure = job.task.follow(job.classifier, inputs, given)
        return _checked_outputs(job, outputs, len(inputs.ids)), sure

    found = job.predicting.each(len(batch), follow)
    outputs = _join_outputs([one for one, _ in found])
    require_finite(outputs.numbers, batch, job.classifier)
    return outputs, np.concatenate([sure for _, sure in found])


def make_inputs(
    job: Job, batch: Batch, part: slice, *, copy: bool = False, kept: bool = False
) -> Inputs:
    """Return a part of a batch as the job's model is given it.

    With ``copy`` a plugin may write into what it gets, and the batch be kept for others.
    """
    # Fetched while the processor goes on, where the batch lies in memory that a GPU can read.
    images = batch.images[part].to(job.device, copy=copy, non_blocking=batch.images.is_pinned())
    labels = batch.labels[part].to(job.device, copy=copy)
    return Inputs(
        images,
        labels,
        batch.ids[part],
        batch.asked[part],
        batch.sizes[part],
        batch.depicted[part],
        kept,
    )


def _join(job: Job, batch: Batch, parts: Sequence[Found], *, permuted: bool = False) -> Found:
    relevance = torch.cat([part.explanation.relevance for part in parts])
    given = [part.outputs for part in parts if part.outputs is not None]
    outputs = _join_outputs(given) if len(given) == len(parts) else None
    units = join_units([part.units for part in parts])
    explained = batch if units is None else spread(batch, units)
    if not permuted:
        if outputs is None:
            outputs = predict_batch(job, batch)
        else:
            require_finite(outputs.numbers, explained, job.classifier)
    require_relevance(relevance, explained.ids, finite=not permuted)
    told = [part.explanation for part in parts if len(part.explanation.relevance)]
    sums = (_joined(told, name) for name in _SUMS)
    return Found(Explanation(relevance, None, *sums), outputs, units)


_SUMS = ("gaps", "differences")


def _joined(parts: Sequence[Explanation], name: str) -> torch.Tensor | None:
    given = [found for part in parts if (found := getattr(part, name)) is not None]
    return torch.cat(given) if given and len(given) == len(parts) else None


def _join_outputs(parts: Sequence[Outputs]) -> Outputs:
    texts = tuple(text for part in parts for text in part.texts)
    names = parts[0].beside
    beside = {name: [value for part in parts for value in part.beside[name]] for name in names}
    return Outputs(torch.cat([part.numbers for part in parts]), texts, beside)


def _explain(job: Job, batch: Batch, kept: bool, part: slice) -> Found:
    inputs = make_inputs(job, batch, part, copy=True, kept=kept)
    return _checked(job, job.task.explain(job.attribution, job.classifier, inputs), len(inputs.ids))


def _explain_together(job: Job, batch: Batch, shared: Shared, part: slice) -> list[Found]:
    inputs = make_inputs(job, batch, part, copy=True, kept=True)
    found = job.task.explain_together(shared.planned, shared.wanted, job.classifier, inputs)
    return [_checked(job, one, len(inputs.ids)) for one in found]


def _checked(job: Job, given: Explained, count: int) -> Found:
    found: object = given.explanation
    if given.units is not None:
        count = require_units(given.units, count)
    if not isinstance(found, Explanation):
        raise PluginError(
            f"the attribution must return an Explanation; got {describe(found)}", kind="attribution"
        )
    relevance = _on_cpu(found.relevance, (count, *job.classifier.model.grid))
    outputs = given.outputs
    if outputs is None and found.logits is not None:
        if not isinstance(found.logits, torch.Tensor):
            raise PluginError(
                f"the classifier must return logits as a tensor; got {describe(found.logits)}"
            )
        outputs = Outputs(found.logits.detach().float().cpu())
    if outputs is not None:
        outputs = _checked_outputs(job, outputs, count)
    return Found(Explanation(relevance, None, *_sums(found, count)), outputs, given.units)


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


def _predict(job: Job, batch: Batch, part: slice) -> Outputs:
    inputs = make_inputs(job, batch, part)
    with torch.inference_mode():
        outputs = job.task.predict(job.classifier, inputs)
    return _checked_outputs(job, outputs, len(inputs.ids))


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


def _checked_outputs(job: Job, outputs: Outputs, count: int) -> Outputs:
    wanted = (count, job.task.outputs)
    if outputs.numbers.shape != wanted:
        raise PluginError(
            f"the classifier returned logits of shape {tuple(outputs.numbers.shape)}, "
            f"not {wanted} (images, classes)"
        )
    return outputs
