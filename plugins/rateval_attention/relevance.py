"""The mathematics of Generic Attention Attribution, as functions of tensors.

Source: Chefer, Gur, Wolf, "Generic Attention-Model Explainability for Interpreting Bi-Modal and
Encoder-Decoder Transformers", ICCV 2021, section 3, for the self-attention of one modality. The
paper reads relevance from the class token. For models without one, ``first_row`` extends its rule;
that extension is rateval's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch.nn import functional as F

from rateval.api import RatevalError, Readout


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

    Takes (B, heads, M, N) float32 twice and returns (B, M, N) float32.

    >>> attention = torch.tensor([[[[0.5, 0.5]], [[1.0, 0.0]]]])
    >>> contributions(attention, torch.tensor([[[[2.0, -2.0]], [[1.0, 9.0]]]]))
    tensor([[[1., 0.]]])
    """
    return _positive(attention, gradient).mean(dim=1)


def _positive(attention: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    product = gradient * attention
    return F.relu(product, inplace=not product.requires_grad)


def first_row(
    attention: torch.Tensor, gradient: torch.Tensor, readout: Readout, prefix_tokens: int
) -> torch.Tensor:
    """Return how much the embedding rests on each token that enters the last layer, (B, N).

    Takes the last layer's attention and gradient, (B, heads, N, N) float32 each, (B, heads, 1, N)
    for an attention pool. From a class token it is row 0 of I + C, as in the paper. Our extension:
    a mean over patches starts from the uniform row u over patches, giving u (I + C); an attention
    pool's query is none of the tokens, so that its row of C stands alone.

    >>> ones = torch.ones(1, 1, 3, 3)
    >>> first_row(ones, ones * 2, "class token", 1), first_row(ones, ones * 2, "mean", 1)
    (tensor([[3., 2., 2.]]), tensor([[2.0000, 2.5000, 2.5000]]))
    >>> first_row(ones[:, :, :1], ones[:, :, :1] * 2, "attention pool", 1)
    tensor([[2., 2., 2.]])
    """
    if readout == "mean":
        start = torch.zeros_like(attention[:, 0, 0])
        start[:, prefix_tokens:] = 1 / (attention.shape[-1] - prefix_tokens)
        return next_row(start, attention, gradient)
    # Only this row of the last layer is ever used.
    row = contributions(attention[:, :, :1], gradient[:, :, :1])[:, 0]
    if readout == "attention pool":
        return row
    identity = torch.zeros_like(row)
    identity[:, 0] = 1
    return identity + row


def next_row(row: torch.Tensor, attention: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Carry a row (B, N) through the layer before: row (I + C), without the matrix product of C's.

    >>> ones = torch.ones(1, 1, 2, 2)
    >>> next_row(torch.tensor([[1.0, 2.0]]), ones, ones)
    tensor([[4., 5.]])
    """
    # The mean over heads comes after the product with each, which needs no (B, N, N) of its own.
    passed = row[:, None, None] @ _positive(attention, gradient)
    return row + passed.mean(dim=1)[:, 0]


def relevance_row(
    attention: Sequence[torch.Tensor],
    gradients: Sequence[torch.Tensor],
    readout: Readout,
    prefix_tokens: int,
) -> torch.Tensor:
    """Return the embedding's row of (I + C_L) ... (I + C_1), (B, N), the last layer given first.

    A chain of vector-matrix products gives that row without the product of the matrices. Raises
    ValueError when there is no layer.

    >>> layers = [torch.tensor([[[[0.0, 1.0], [0.0, 2.0]]]])] * 2
    >>> relevance_row(layers, [torch.ones(1, 1, 2, 2)] * 2, "class token", 1)
    tensor([[1., 4.]])
    """
    if not attention:
        raise ValueError("a chain needs at least one layer")
    row = first_row(attention[0], gradients[0], readout, prefix_tokens)
    for layer, gradient in zip(attention[1:], gradients[1:], strict=True):
        row = next_row(row, layer, gradient)
    return row


def patch_map(row: torch.Tensor, prefix_tokens: int, grid: tuple[int, int]) -> torch.Tensor:
    """Drop the prefix tokens of (B, N) and lay the patches out as (B, rows, cols).

    >>> patch_map(torch.arange(5.0)[None], 1, (2, 2))
    tensor([[[1., 2.],
             [3., 4.]]])
    """
    return row[:, prefix_tokens:].reshape(-1, *grid)
