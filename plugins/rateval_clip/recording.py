"""The attention of ``nn.MultiheadAttention`` in plain steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from rateval.modelkit import Attend, attend_plainly, replaced_forward


def attend_multihead(layer: nn.MultiheadAttention) -> Attend:
    """Make the ``Attend`` of self-attention by a module with one projection for its three inputs.

    The weights that the module itself returns are not what its output is computed from in the
    graph, and without gradients it may take a fused path, so its forward is replaced as a whole. It
    takes (B, N, D), or (N, B, D) for a module that isn't ``batch_first``.

    >>> layer = nn.MultiheadAttention(4, 2, batch_first=True)
    >>> x = torch.zeros(1, 3, 4)
    >>> (output, weights), probabilities = attend_multihead(layer)(x, x, x)
    >>> output.shape, probabilities.shape
    (torch.Size([1, 3, 4]), torch.Size([1, 2, 3, 3]))
    """
    # Not a closure: a deep copy of the model must attend by the copy's weights.
    return partial(_attend_multihead, layer)


def _attend_multihead(
    layer: nn.MultiheadAttention,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    need_weights: bool = False,
    attn_mask: torch.Tensor | None = None,
) -> tuple[tuple[torch.Tensor, None], torch.Tensor]:
    tokens = query if layer.batch_first else query.transpose(0, 1)
    batch, length, width = tokens.shape
    projected = F.linear(tokens, layer.in_proj_weight, layer.in_proj_bias)
    heads = projected.view(batch, length, 3, layer.num_heads, layer.head_dim)
    query, key, value = heads.permute(2, 0, 3, 1, 4).unbind()
    mixed, probabilities = attend_plainly(query, key, value, attn_mask)
    output = layer.out_proj(mixed.transpose(1, 2).reshape(batch, length, width))
    return (output if layer.batch_first else output.transpose(0, 1), None), probabilities


@contextmanager
def first_token_only(module: nn.Module) -> Iterator[None]:
    """Let a module that maps each token by itself map only the first of (B, N, D); others give 0.

    After the last attention of a tower that reads its class token, nothing reads the others: a
    twentieth of a forward and of a backward pass would be spent on them.

    >>> module = nn.Linear(1, 1, bias=False)
    >>> with first_token_only(module):
    ...     (module(torch.ones(1, 3, 1)) != 0).flatten().tolist()
    [True, False, False]
    """

    def forward(tokens: torch.Tensor) -> torch.Tensor:
        first: torch.Tensor = type(module).forward(module, tokens[:, :1])
        return F.pad(first, (0, 0, 0, tokens.shape[1] - 1))

    with replaced_forward(module, forward):
        yield
