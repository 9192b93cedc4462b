"""One geometry for images and masks, so that a mask is never off by a resize or a crop."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import Compose, InterpolationMode


class Geometry:
    """A model's inference transform, and its resize and crop once more for masks.

    Both run the same steps; a mask is resized by nearest neighbour and padded with False.
    """

    def __init__(self, transform: Compose) -> None:
        """Take a torchvision transform from an RGB PIL image to (3, H, W) float32."""
        self._image = transform
        self._mask = [_for_masks(step) for step in transform.transforms if _moves_pixels(step)]

    def image(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB image of any size into (3, H, W) float32, normalised."""
        tensor: torch.Tensor = self._image(image)
        return tensor

    def mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        """Turn a mask (rows, cols) of the image's own size into (H, W) bool."""
        picture: Any = Image.fromarray(mask.astype(np.uint8) * np.uint8(255))
        for step in self._mask:
            picture = step(picture)
        return torch.from_numpy(np.array(picture) > 127)


def _moves_pixels(step: object) -> bool:
    return "Resize" in type(step).__name__ or "Crop" in type(step).__name__


def _for_masks(step: Any) -> Any:
    changed = copy.copy(step)
    if hasattr(changed, "interpolation"):
        changed.interpolation = InterpolationMode.NEAREST
    if hasattr(changed, "fill"):
        changed.fill = 0
    return changed
