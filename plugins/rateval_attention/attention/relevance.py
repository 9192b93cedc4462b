"""The mathematics of Generic Attention Attribution, as functions of tensors.

Source: Chefer, Gur, Wolf, "Generic Attention-Model Explainability for Interpreting Bi-Modal and
Encoder-Decoder Transformers", ICCV 2021, section 3, for the self-attention of one modality. The
paper reads relevance from the class token. For models without one, ``first_row`` extends its rule;
that extension is rateval's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rateval.api import Readout
from rateval_attention.attention.readout import start_row
from rateval_attention.heads import contributions, positive


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
    start = start_row(attention, readout, prefix_tokens)
    if readout == "mean":
        return next_row(start, attention, gradient)
    # Only this row of the last layer is ever used.
    return start + contributions(attention[:, :, :1], gradient[:, :, :1])[:, 0]


def next_row(row: torch.Tensor, attention: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Carry a row (B, N) through the layer before: row (I + C), without the matrix product of C's.

    >>> ones = torch.ones(1, 1, 2, 2)
    >>> next_row(torch.tensor([[1.0, 2.0]]), ones, ones)
    tensor([[4., 5.]])
    """
    # The mean over heads comes after the product with each, which needs no (B, N, N) of its own.
    passed = row[:, None, None] @ positive(attention, gradient)
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
