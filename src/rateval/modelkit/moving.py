"""What moves an image moves its mask: one function for both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rateval.api.values import Sample

Move = Callable[[Image.Image], Image.Image]
"""From a picture to one whose pixels are elsewhere, of mode RGB and L alike."""


def move_mask(mask: NDArray[np.bool_], move: Move) -> NDArray[np.bool_]:
    """Return a mask (H, W) moved as its picture is, which has 255 for True and 0 for False.

    Where the picture's pixels are mixed, what is more than half True is True.

    >>> move_mask(np.eye(2, dtype=bool), lambda picture: picture.crop((0, 0, 1, 2))).tolist()
    [[True], [False]]
    """
    picture = Image.fromarray(mask.astype(np.uint8) * np.uint8(255))
    return np.asarray(np.array(move(picture)) > 127)


def move_sample(sample: Sample, move: Move) -> Sample:
    """Return a sample whose image and mask, if it has one, are moved by one function."""
    mask = None if sample.mask is None else move_mask(sample.mask, move)
    return replace(sample, image=move(sample.image), mask=mask)
