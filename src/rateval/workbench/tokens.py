"""Single tokens of texts explained on the job's device, with every promise checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch

from rateval.api.tasks.task import Posed
from rateval.api.tasks.texts import TokenByToken, TokenMaps
from rateval.data.batches import Batch
from rateval.errors import PluginError
from rateval.workbench.cell import Job
from rateval.workbench.explain import make_inputs
from rateval.workbench.finite import require_relevance


def by_token(task: Posed) -> TokenByToken | None:
    """Return a task as one that has tokens explained; None where it predicts no texts."""
    there = callable(getattr(task, "explain_tokens", None))
    return cast("TokenByToken", task) if there else None


def explain_tokens(job: Job, batch: Batch, texts: Sequence[str], most: int) -> list[TokenMaps]:
    """Explain each token of what was predicted of a batch, of each text the first ``most``.

    Raises PluginError when the attribution or the task returns something else than its protocol
    promises, and RatevalError where one image alone does not fit into memory.
    """
    task = by_token(job.task)
    assert task is not None and job.attribution is not None  # no step is laid out for others

    def explain(part: slice) -> Sequence[TokenMaps]:
        inputs = make_inputs(job, batch, part, copy=True)
        return task.explain_tokens(job.attribution, job.classifier, inputs, texts[part], most)  # type: ignore[arg-type]  # an attribution of texts

    found = [one for part in job.explaining.each(len(batch), explain) for one in part]
    if len(found) != len(batch):
        raise PluginError(
            f"explain_tokens() of the task must explain {len(batch)} texts; got {len(found)}",
            kind="task",
        )
    return [_checked(job, one, name) for one, name in zip(found, batch.ids, strict=True)]


def _checked(job: Job, found: TokenMaps, name: str) -> TokenMaps:
    shape = (len(found.spans), *job.classifier.model.grid)
    relevance: torch.Tensor = found.relevance.detach().float().cpu()
    if relevance.shape != shape:
        raise PluginError(
            f"the attribution returned relevance of shape {tuple(relevance.shape)}, not {shape} "
            "(tokens, patch rows, patch columns)",
            kind="attribution",
        )
    require_relevance(relevance, [name] * len(relevance), finite=True)
    return TokenMaps(found.spans, relevance)
