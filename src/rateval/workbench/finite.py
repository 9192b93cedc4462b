"""Logits and relevance that must be finite, and what is to blame where they are not."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rateval.api.protocols import Classifier
from rateval.data.batches import Batch
from rateval.errors import PluginError, RatevalError
from rateval.machine.finite import describe_broken, name_fault


def require_finite(logits: torch.Tensor, batch: Batch, classifier: Classifier) -> None:
    """Raise RatevalError when the outputs, (B, K) on the CPU, of a batch are not all finite.

    It names model, image and count, and the weights or the prepared image that are not finite
    themselves.
    """
    fault = name_fault(logits)
    if fault is None:
        return
    rows = _rows(~torch.isfinite(logits))
    broken = describe_broken(_weights(classifier))
    image = name_fault(batch.images[rows[0]]) if len(batch.images) else None
    if broken is not None:
        why = f"its weights are not finite: {broken}: its"
    elif image is not None:
        why = f"its weights are finite, and the prepared image is {image}: look at that image; else"
    else:
        why = "its weights are finite, but too large for the numbers on the way: its"
    raise RatevalError(
        f"model {classifier.model.card.architecture}: logits are {fault} for image "
        f"{_name(rows, batch.ids)}; {why} checkpoint is broken (give another one) or its "
        "fine-tuning diverged (lower the rate)"
    )


def require_relevance(relevance: torch.Tensor, ids: Sequence[str], *, finite: bool) -> None:
    """Raise PluginError when relevance, (B, rows, cols) on the CPU, is negative or not finite.

    What is not finite passes unless ``finite``. The message says which of both it is, and where.
    """
    fault = name_fault(relevance) if finite else None
    if fault is not None:
        rows = _rows(~torch.isfinite(relevance))
        raise PluginError(
            f"the attribution returned relevance that is {fault} for image {_name(rows, ids)}, "
            "where the logits are finite",
            kind="attribution",
        )
    if (relevance < 0).any():
        rows = _rows(relevance < 0)
        raise PluginError(
            f"the attribution returned relevance that is negative for image {_name(rows, ids)}, "
            f"as low as {float(relevance[relevance < 0].min()):.3g}",
            kind="attribution",
        )


def _rows(bad: torch.Tensor) -> list[int]:
    found: list[int] = bad.flatten(1).any(dim=1).nonzero().flatten().tolist()
    return found


def _name(rows: Sequence[int], ids: Sequence[str]) -> str:
    return f'"{ids[rows[0]]}" ({len(rows)} of {len(ids)} images in its batch)'


def _weights(classifier: Classifier) -> list[tuple[str, torch.Tensor]]:
    # A head is no part of the model; what else a classifier keeps is the model's again, renamed.
    named = dict(classifier.model.module.state_dict())
    kept = classifier.state().items()
    own = [(name, weight) for name, weight in kept if name.partition(".")[2] not in named]
    return [*named.items(), *own]
