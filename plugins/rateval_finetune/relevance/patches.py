"""Relevance that can be trained on, and the share of it inside a mask.

Source of the relevance: Chefer, Gur, Wolf, ICCV 2021; of training on explanations: Ross, Hughes,
Doshi-Velez, "Right for the Right Reasons", IJCAI 2017.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F

from rateval.api import Model, RatevalError


def choose_depth(layers: str | int, depth: int, what: str = "vision layers") -> list[int]:
    """Return the layers that ``last``, ``all`` or the last N mean, the last one first.

    Raises RatevalError for more layers than there are.

    >>> choose_depth("last", 3), choose_depth("all", 3), choose_depth(2, 3)
    ([2], [2, 1, 0], [2, 1])
    """
    count = {"last": 1, "all": depth}[layers] if isinstance(layers, str) else layers
    if count > depth:
        raise RatevalError(
            f"evidence-ft: layers = {layers}: the model has {depth} {what}; give a number "
            f'up to {depth}, or "all"'
        )
    return list(range(depth))[::-1][:count]


def relevance_of(
    model: Model, recorded: Mapping[int, torch.Tensor], scores: torch.Tensor, layers: Sequence[int]
) -> torch.Tensor:
    """Return the relevance of patches for ``scores`` (B,), (B, rows x cols) float32, in the graph.

    ``recorded`` holds the attention of ``layers``, the last one first, of the pass that gave the
    scores.
    """
    attention = [recorded[layer] for layer in layers]
    gradients = torch.autograd.grad(scores.sum(), attention, create_graph=True)
    row: torch.Tensor | None = None
    for probabilities, gradient in zip(attention, gradients, strict=True):
        contribution = F.relu(probabilities * gradient).mean(1)
        if row is None:
            if model.readout == "attention pool":
                row = contribution[:, 0]  # its query is none of the tokens
                continue
            row = _start(contribution, model)
        row = row + (row[:, None] @ contribution)[:, 0]
    assert row is not None
    return row[:, model.prefix_tokens :]


def _start(contribution: torch.Tensor, model: Model) -> torch.Tensor:
    row = torch.zeros_like(contribution[:, 0])
    if model.readout == "class token":
        row[:, 0] = 1
    else:
        row[:, model.prefix_tokens :] = 1 / (row.shape[1] - model.prefix_tokens)
    return row


def share_inside(
    relevance: torch.Tensor, masks: torch.Tensor, grid: tuple[int, int]
) -> torch.Tensor:
    """Return the share of each map's relevance that lies in its mask, (B,) float32.

    Takes (B, rows x cols) float32 and (B, H, W) bool; a patch half covered counts half. No map
    may be all zero.

    >>> mask = torch.tensor([[[True, False], [True, False]]])
    >>> share_inside(torch.tensor([[1.0, 3.0]]), mask, (1, 2))
    tensor([0.2500])
    """
    covered = F.adaptive_avg_pool2d(masks[:, None].float(), grid).flatten(1)
    return (relevance * covered).sum(1) / relevance.sum(1)
