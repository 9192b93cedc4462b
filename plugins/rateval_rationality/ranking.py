"""Mask pixels among the most relevant ones, ties shared out evenly.

Bilinear heat maps have ties: half a patch along each border is a plateau. A sort would order tied
pixels by their place, or by the whim of the device. Here they share the places they compete for:
the count is its expectation over all orders of tied pixels.
"""

from __future__ import annotations

import torch

_BITS_OF_ONE = 0x3F800000


def top_inside(heat: torch.Tensor, masks: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Count the mask's pixels among the ``counts`` most relevant: (B,) float32, in expectation.

    With v the value of the last place, A pixels above v and E equal to it, of which a and e inside
    the mask, it is a + (counts - A) * e / E. ``heat`` is (B, H, W) float32 in [0, 1], ``masks``
    (B, H, W) bool, ``counts`` (B,) int64 from 1 to H * W.

    >>> heat = torch.tensor([[[1.0, 0.5, 0.5, 0.0]]])
    >>> top_inside(heat, torch.tensor([[[True, True, False, False]]]), torch.tensor([2]))
    tensor([1.5000])
    """
    last = value_at_rank(heat, counts)[:, None, None]
    above, tied = heat > last, heat == last
    places = counts - above.sum((1, 2))
    share = (tied & masks).sum((1, 2)) / tied.sum((1, 2))
    return (above & masks).sum((1, 2)) + places * share


def value_at_rank(heat: torch.Tensor, ranks: torch.Tensor) -> torch.Tensor:
    """Find the ``ranks``-th largest value of each map: (B, H, W) float32 in [0, 1] to (B,) float32.

    ``ranks`` is (B,) int64 from 1 to H * W. Non-negative floats are ordered as their bits are, so
    that 30 halvings of the integers from 0.0 to 1.0 end at the value itself. That is a third of the
    time of sorting, and works wherever one can compare and add.

    >>> value_at_rank(torch.tensor([[[0.25, 1.0, 0.5]]]), torch.tensor([2]))
    tensor([0.5000])
    """
    values = heat.flatten(1)
    low = torch.zeros_like(ranks, dtype=torch.int32)
    high = torch.full_like(low, _BITS_OF_ONE)
    for _ in range(_BITS_OF_ONE.bit_length()):
        middle = (low + high + 1) // 2
        reaching = (values >= middle.view(torch.float32)[:, None]).sum(1, dtype=torch.int32)
        enough = reaching >= ranks
        low, high = middle.where(enough, low), high.where(enough, middle - 1)
    return low.view(torch.float32)


def top_count(share: float, masks: torch.Tensor) -> torch.Tensor:
    """Turn a share of the image into pixels, rounded, at least one: (B,) int64, alike for all.

    >>> top_count(0.07, torch.zeros(2, 10, 10, dtype=torch.bool))
    tensor([7, 7])
    """
    pixels = masks.shape[1] * masks.shape[2]
    return torch.full((len(masks),), max(1, round(share * pixels)), device=masks.device)
