"""The class that is explained, and the number of it that is differentiated."""

from __future__ import annotations

from typing import Literal

import torch

from rateval.api import RatevalError


def choose_targets(
    logits: torch.Tensor,
    labels: torch.Tensor,
    target: Literal["label", "prediction", "runner-up"] | int,
) -> torch.Tensor:
    """Return the class to explain, (B,) int64, from logits (B, K) and labels (B,) int64.

    The prediction is the class with the highest logit, the runner-up the one with the highest logit
    among the others; of equal logits the first class counts. Raises RatevalError when there is no
    such class.

    >>> logits, labels = torch.tensor([[1.0, 5.0, 3.0]]), torch.tensor([2])
    >>> [int(choose_targets(logits, labels, t)) for t in ("label", "prediction", "runner-up", 0)]
    [2, 1, 2, 0]
    """
    count = logits.shape[1]
    if target == "label":
        return labels
    logits = logits.detach()
    if target == "prediction":
        return logits.argmax(dim=1)
    if target == "runner-up":
        if count < 2:
            raise RatevalError(
                'target = "runner-up": the classifier has one class, so that none comes second; '
                'give "label" or "prediction"'
            )
        best = logits.argmax(dim=1, keepdim=True)
        return logits.scatter(1, best, float("-inf")).argmax(dim=1)
    if target >= count:
        raise RatevalError(
            f"target = {target}: the classifier has {count} classes; give an index from 0 to "
            f'{count - 1}, or "label", "prediction", "runner-up"'
        )
    return torch.full_like(labels, target)


def class_scores(
    logits: torch.Tensor, targets: torch.Tensor, score: Literal["raw", "margin"]
) -> torch.Tensor:
    """Return the number that is explained, (B,), from logits (B, K) and targets (B,) int64.

    >>> class_scores(torch.tensor([[1.0, 5.0]]), torch.tensor([1]), "margin")
    tensor([2.])
    """
    chosen = logits.gather(1, targets[:, None])[:, 0]
    return chosen - logits.mean(dim=1) if score == "margin" else chosen
