"""Where the embedding reads from: the rows of an attention matrix that belong to it.

The published attributions read a class token. A mean over the patches reads all their rows alike,
and an attention pool has one row of its own; both are rateval's extension.
"""

from __future__ import annotations

import torch

from rateval.api import Readout


def start_row(attention: torch.Tensor, readout: Readout, prefix_tokens: int) -> torch.Tensor:
    """Return by which tokens after the last layer the embedding is read, (B, N).

    Takes that layer's attention (B, heads, M, N). A class token is itself, a mean is uniform over
    the patches; an attention pool's query is none of the tokens, which gives zeros.

    >>> attention = torch.zeros(1, 1, 3, 3)
    >>> start_row(attention, "class token", 1), start_row(attention, "mean", 1)
    (tensor([[1., 0., 0.]]), tensor([[0.0000, 0.5000, 0.5000]]))
    """
    row = torch.zeros_like(attention[:, 0, 0])
    if readout == "class token":
        row[:, 0] = 1
    elif readout == "mean":
        row[:, prefix_tokens:] = 1 / (row.shape[1] - prefix_tokens)
    return row


def read_rows(matrix: torch.Tensor, readout: Readout, prefix_tokens: int) -> torch.Tensor:
    """Return the embedding's rows of the last layer's matrix, averaged: (B, heads, N).

    Takes (B, heads, N, N), (B, heads, 1, N) for an attention pool.

    >>> matrix = torch.arange(9.0).reshape(1, 1, 3, 3)
    >>> read_rows(matrix, "class token", 1), read_rows(matrix, "mean", 1)
    (tensor([[[0., 1., 2.]]]), tensor([[[4.5000, 5.5000, 6.5000]]]))
    """
    if readout == "mean":
        return matrix[:, :, prefix_tokens:].mean(dim=2)
    return matrix[:, :, 0]


def patch_map(row: torch.Tensor, prefix_tokens: int, grid: tuple[int, int]) -> torch.Tensor:
    """Drop the prefix tokens of (B, N) and lay the patches out as (B, rows, cols).

    >>> patch_map(torch.arange(5.0)[None], 1, (2, 2))
    tensor([[[1., 2.],
             [3., 4.]]])
    """
    return row[:, prefix_tokens:].reshape(-1, *grid)
