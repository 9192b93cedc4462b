"""From pixels to patches."""

from __future__ import annotations

import torch


def pool_to_grid(pixels: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """Sum (B, H, W) over the patches of a grid: (B, rows, cols).

    Patches are as many whole pixels high and wide as fit; a rest at the lower or right edge, which
    a model's patch embedding leaves out as well, is not counted.

    >>> pool_to_grid(torch.ones(1, 4, 7), (2, 3))
    tensor([[[4., 4., 4.],
             [4., 4., 4.]]])
    """
    rows, cols = grid
    height, width = pixels.shape[1] // rows, pixels.shape[2] // cols
    used = pixels[:, : rows * height, : cols * width]
    return used.reshape(-1, rows, height, cols, width).sum(dim=(2, 4))
