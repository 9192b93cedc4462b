"""Relevance maps in the precision in which they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def scale_maps(relevance: torch.Tensor) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """Divide each map of (B, rows, cols) float32 by its maximum; return maps and maxima.

    Maps of deep models are tiny: without scaling, float16 would lose them.

    >>> maps, largest = scale_maps(torch.tensor([[[1e-9, 2e-9]], [[0.0, 0.0]]]))
    >>> maps.tolist(), int(largest.argmax())
    ([[[0.5, 1.0]], [[0.0, 0.0]]], 0)
    """
    largest = relevance.amax(dim=(1, 2))
    divisor = torch.where(largest > 0, largest, torch.ones_like(largest))
    return (relevance / divisor[:, None, None]).half().numpy(), largest.numpy()
