"""What an attention contributes to a score, its heads taken together."""

from __future__ import annotations

import torch
from torch.nn import functional as F


def positive(attention: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Return the positive part of gradient x attention, of their common shape.

    >>> positive(torch.tensor([0.5, 0.5]), torch.tensor([2.0, -2.0]))
    tensor([1., 0.])
    """
    product = gradient * attention
    return F.relu(product, inplace=not product.requires_grad)


def contributions(attention: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Average the positive part of gradient x attention over heads.

    Takes (B, heads, M, N) float32 twice and returns (B, M, N) float32. Source: equation 5 of
    Chefer, Gur, Wolf, ICCV 2021.

    >>> attention = torch.tensor([[[[0.5, 0.5]], [[1.0, 0.0]]]])
    >>> contributions(attention, torch.tensor([[[[2.0, -2.0]], [[1.0, 9.0]]]]))
    tensor([[[1., 0.]]])
    """
    return positive(attention, gradient).mean(dim=1)
