"""Regions of images filled in from around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

Filling = Literal["inpaint", "grey", "blur"]
"""``inpaint`` continues what is around; ``grey`` is one colour, which shows the region's outline;
``blur`` is the region out of focus, which keeps its colours."""

_RADIUS = 3
"""Pixels around a hole that inpainting looks at."""

_BLUR = 1 / 10
"""Standard deviation of the blur, in shorter sides of the image."""


def grow(masks: torch.Tensor) -> torch.Tensor:
    """Return masks (B, H, W) bool dilated by 1 pixel for each 64 of the shorter side, at least 1.

    >>> dot = torch.zeros(1, 5, 5, dtype=torch.bool)
    >>> dot[0, 2, 2] = True
    >>> grow(dot).sum().item()
    9
    """
    pixels = max(1, round(min(masks.shape[-2:]) / 64))
    grown = masks[:, None].float()
    # Rows, then columns: the maximum of a square is that of its columns' maxima.
    for down, across in ((pixels, 0), (0, pixels)):
        window = 2 * down + 1, 2 * across + 1
        grown = F.max_pool2d(grown, window, stride=1, padding=(down, across))
    return grown[:, 0] > 0


class View:
    """A model's view of images, (B, 3, H, W) float32 normalised, and its pixels.

    Values outside of 0 to 1 before normalisation are cut to it in what is filled, nowhere else.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self._mean = torch.tensor(mean, dtype=torch.float32)[:, None, None]
        self._std = torch.tensor(std, dtype=torch.float32)[:, None, None]

    def fill(self, images: torch.Tensor, regions: torch.Tensor, filling: Filling) -> torch.Tensor:
        """Return images with ``regions`` (B, H, W) bool filled; all other numbers are as before."""
        return torch.stack(
            [
                self.fill_one(image, region, filling)
                for image, region in zip(images, regions, strict=True)
            ]
        )

    def fill_one(self, image: torch.Tensor, region: torch.Tensor, filling: Filling) -> torch.Tensor:
        """Return one image (3, H, W) with a region (H, W) bool filled."""
        if filling == "grey":
            return torch.where(region, (0.5 - self._mean) / self._std, image)
        if filling == "blur":
            return torch.where(region, _blur(image), image)
        pixels = (image * self._std + self._mean).clamp(0, 1).mul(255).round().byte()
        filled = inpaint(pixels.permute(1, 2, 0).numpy(), region.numpy())
        there = torch.from_numpy(filled).permute(2, 0, 1).float() / 255
        return torch.where(region, (there - self._mean) / self._std, image)


def inpaint(pixels: NDArray[np.uint8], region: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return pixels (H, W, 3) with a region (H, W) continued from around it.

    Nothing of what was in the region is looked at; where it is the whole image, black is left.

    Source: Telea, Journal of Graphics Tools 9 (2004) 23-34, as OpenCV has it.
    """
    import cv2  # 0.2 s, and not everybody has it

    emptied = np.where(region[..., None], 0, pixels).astype(np.uint8)
    if region.all():
        return emptied
    filled = cv2.inpaint(emptied, region.astype(np.uint8), _RADIUS, cv2.INPAINT_TELEA)
    return np.asarray(filled, dtype=np.uint8)


def _blur(image: torch.Tensor) -> torch.Tensor:
    deviation = min(image.shape[-2:]) * _BLUR
    reach = round(3 * deviation)
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-(offsets**2) / (2 * deviation**2))
    kernel /= kernel.sum()
    blurred = image[:, None]
    for shape, padding in (((1, 1, -1, 1), (0, 0, reach, reach)), ((1, 1, 1, -1), (reach,) * 2)):
        padded = F.pad(blurred, padding + (0,) * (4 - len(padding)), mode="replicate")
        blurred = F.conv2d(padded, kernel.view(shape))
    return blurred[:, 0]
