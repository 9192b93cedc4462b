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
    """Return a sample whose image and masks, as far as it has some, are moved by one function."""
    moved = change_masks(sample, lambda mask: move_mask(mask, move))
    return replace(moved, image=move(sample.image))


def change_masks(
    sample: Sample, change: Callable[[NDArray[np.bool_]], NDArray[np.bool_]]
) -> Sample:
    """Return a sample with its mask, and those of all that it depicts, changed by one function.

    >>> from rateval.api.values import Depicted
    >>> shown = (Depicted(0, np.eye(2, dtype=bool)), Depicted(1, None))
    >>> sample = Sample("a", Image.new("RGB", (2, 2)), 0, None, depicted=shown)
    >>> [one.mask is None for one in change_masks(sample, np.logical_not).depicted]
    [False, True]
    """
    shown = [
        one if one.mask is None else replace(one, mask=change(one.mask)) for one in sample.depicted
    ]
    mask = None if sample.mask is None else change(sample.mask)
    return replace(sample, mask=mask, depicted=tuple(shown))
