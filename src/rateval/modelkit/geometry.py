"""One geometry for images, masks and maps, so that none is off by a resize or a crop."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import Compose, InterpolationMode

from rateval.modelkit.moving import move_mask


class Geometry:
    """A model's inference transform, and its resize and crop once more for masks and maps.

    All run the same steps; a mask is resized by nearest neighbour and padded with False, a map is
    resized bilinearly and padded with 0.
    """

    def __init__(self, transform: Compose) -> None:
        """Take a torchvision transform from an RGB PIL image to (3, H, W) float32."""
        self._image = transform
        moving = [step for step in transform.transforms if _moves_pixels(step)]
        self._mask = [_with(step, InterpolationMode.NEAREST) for step in moving]
        self._map = [_with(step, InterpolationMode.BILINEAR) for step in moving]

    def image(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB image of any size into (3, H, W) float32, normalised."""
        tensor: torch.Tensor = self._image(image)
        return tensor

    def mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        """Turn a mask (rows, cols) of the image's own size into (H, W) bool."""

        def move(picture: Any) -> Any:
            for step in self._mask:
                picture = step(picture)
            return picture

        return torch.from_numpy(move_mask(mask, move))

    def relevance(self, values: NDArray[np.floating], size: tuple[int, int]) -> torch.Tensor:
        """Turn a map (rows, cols) of an image of ``size`` (height, width) into (H, W) float32.

        The map covers the image, however coarse or fine it is.
        """
        picture: Any = Image.fromarray(values.astype(np.float32))
        if values.shape != size:
            picture = picture.resize(size[::-1], Image.Resampling.BILINEAR)
        for step in self._map:
            picture = step(picture)
        return torch.from_numpy(np.array(picture))


def _moves_pixels(step: object) -> bool:
    return "Resize" in type(step).__name__ or "Crop" in type(step).__name__


def _with(step: Any, interpolation: InterpolationMode) -> Any:
    changed = copy.copy(step)
    if hasattr(changed, "interpolation"):
        changed.interpolation = interpolation
    if hasattr(changed, "fill"):
        changed.fill = 0
    return changed
