"""What a corruption is given and gives back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""(H, W, 3) uint8, RGB."""
Mask = NDArray[np.bool_]
Plane = NDArray[np.float32]

PUBLISHED_SIDE = 224
"""Pixels of the images that the published constants are meant for."""
GUARD = 2.0**-10
"""What is added before a level is cut to a whole one: sums that are whole in exact arithmetic come
out whole, however a platform rounds them."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels and the mask that belongs to them."""

    pixels: Pixels
    mask: Mask | None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def scale(self) -> float:
        """By how much a length in pixels differs from the published one.

        >>> Picture(np.zeros((448, 600, 3), np.uint8), None).scale
        2.0
        """
        return min(self.size) / PUBLISHED_SIDE


def cut(levels: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Cut levels to whole ones in [0, 255], as the published code stores them.

    >>> cut(np.array([-3.0, 7.9, 8 - 1e-12, 300.0])).tolist()
    [0, 7, 8, 255]
    """
    return np.clip(levels + levels.dtype.type(GUARD), 0, 255).astype(np.uint8)
