"""The mathematics of Generic Attention Attribution, as functions of tensors.

Source: Chefer, Gur, Wolf, "Generic Attention-Model Explainability for Interpreting Bi-Modal and
Encoder-Decoder Transformers", ICCV 2021, section 3, for the self-attention of one modality.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import torch

from rateval.api import RatevalError


def choose_layers(
    layers: Literal["all", "last"] | int | Sequence[int], depth: int
) -> tuple[int, ...]:
    """Turn the parameter ``layers`` into ascending indices of a model with ``depth`` layers.

    Raises RatevalError when the model has no such layer.

    >>> choose_layers("all", 3), choose_layers("last", 3), choose_layers(2, 3)
    ((0, 1, 2), (2,), (1, 2))
    >>> choose_layers([2, 0], 3)
    (0, 2)
    """
    if layers == "all":
        return tuple(range(depth))
    if layers == "last":
        return (depth - 1,)
    if isinstance(layers, int):
        if layers > depth:
            raise RatevalError(
                f"layers = {layers}: the model has {depth} vision layers; "
                f'give a number up to {depth}, or "all"'
            )
        return tuple(range(depth - layers, depth))
    absent = sorted(index for index in layers if not 0 <= int(index) < depth)
    if absent:
        raise RatevalError(
            f"layers = {list(layers)}: the model has {depth} vision layers, so there is no layer "
            f"{', '.join(map(str, absent))}; give indices from 0 to {depth - 1}"
        )
    return tuple(sorted(int(index) for index in layers))


def class_scores(
    logits: torch.Tensor, targets: torch.Tensor, score: Literal["raw", "margin"]
) -> torch.Tensor:
    """Return the number that is explained, (B,), from logits (B, K) and targets (B,) int64.

    >>> class_scores(torch.tensor([[1.0, 5.0]]), torch.tensor([1]), "margin")
    tensor([2.])
    """
    chosen = logits.gather(1, targets[:, None])[:, 0]
    return chosen - logits.mean(dim=1) if score == "margin" else chosen


def contributions(attention: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Average the positive part of gradient x attention over heads.

    Takes (B, heads, N, N) float32 twice and returns (B, N, N) float32.

    >>> attention = torch.tensor([[[[0.5, 0.5]], [[1.0, 0.0]]]])
    >>> contributions(attention, torch.tensor([[[[2.0, -2.0]], [[1.0, 9.0]]]]))
    tensor([[[1., 0.]]])
    """
    return (gradient * attention).clamp(min=0).mean(dim=1)


def class_token_relevance(layers: Iterable[torch.Tensor]) -> torch.Tensor:
    """Return row 0 of (I + C_L) ... (I + C_1), (B, N), from (B, N, N) of the last layer first.

    A chain of vector-matrix products gives that row without the product of the matrices. Raises
    ValueError when there is no layer.

    >>> contribution = torch.tensor([[[0.0, 1.0], [0.0, 2.0]]])
    >>> class_token_relevance([contribution])
    tensor([[1., 1.]])
    >>> class_token_relevance([contribution, contribution])
    tensor([[1., 4.]])
    """
    row: torch.Tensor | None = None
    for layer in layers:
        if row is None:
            row = torch.zeros_like(layer[:, 0])
            row[:, 0] = 1
            row = row + layer[:, 0]
        else:
            row = row + (row[:, None] @ layer)[:, 0]
    if row is None:
        raise ValueError("a chain needs at least one layer")
    return row


def patch_map(row: torch.Tensor, prefix_tokens: int, grid: tuple[int, int]) -> torch.Tensor:
    """Drop the prefix tokens of (B, N) and lay the patches out as (B, rows, cols).

    >>> patch_map(torch.arange(5.0)[None], 1, (2, 2))
    tensor([[[1., 2.],
             [3., 4.]]])
    """
    return row[:, prefix_tokens:].reshape(-1, *grid)
