"""Resize and crop images and masks alike."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict
from PIL import Image
from torchvision.transforms import Compose, InterpolationMode

from rateval.api import RatevalError


class Geometry:
    """Hold open_clip's inference transform, and its resize and crop once more for masks.

    Both run the same steps; a mask is resized by nearest neighbour and padded with False.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Build the transforms from open_clip's size, mean, std, interpolation and resize_mode.

        Settings that are absent or None are open_clip's defaults. Raises RatevalError when
        open_clip refuses one.
        """
        try:
            config = PreprocessCfg(**merge_preprocess_dict(PreprocessCfg(), dict(settings)))
            self._image: Compose = image_transform_v2(config, is_train=False)
        except (AssertionError, TypeError, ValueError) as error:
            raise RatevalError(
                f"preprocess_cfg {dict(settings)}: open_clip refuses it; interpolation must be "
                "bicubic or bilinear, resize_mode shortest, longest or squash"
            ) from error
        self._mask = [_for_masks(step) for step in self._image.transforms if _moves_pixels(step)]

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
