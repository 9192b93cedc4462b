"""An image with its evidence drawn: tinted, and outlined so that it is seen on any photo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLOUR = (255, 0, 140)
_HALO = (255, 255, 255)
_TINT = 0.3
"""Share of the colour within the evidence."""


def draw_evidence(image: Image.Image, mask: NDArray[np.bool_] | None, side: int) -> Image.Image:
    """Return an image, its longer side resized to ``side`` pixels, with the mask drawn on it.

    Evidence of less than a pixel is drawn as one: nothing that is there is lost.

    >>> draw_evidence(Image.new("RGB", (40, 20)), np.eye(20, 40, dtype=bool), 80).size
    (80, 40)
    """
    shown = _fit(image, side)
    if mask is None or not mask.any():
        return shown
    small = _fit_mask(mask, shown.size)
    pixels = np.asarray(shown, dtype=np.float32).copy()
    pixels[small] = (1 - _TINT) * pixels[small] + _TINT * np.array(COLOUR)
    thick = max(1, side // 120)
    pixels[_grow(small, thick) & ~small] = _HALO
    pixels[small & ~_shrink(small, thick)] = COLOUR
    return Image.fromarray(pixels.astype(np.uint8))


def _fit(image: Image.Image, side: int) -> Image.Image:
    scale = side / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    if scale >= 2:  # each of its pixels is to be seen
        return image.resize((width, height), Image.Resampling.NEAREST)
    return image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)


def _fit_mask(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask in ``size`` (width, height): True where any of what a pixel shows is."""
    height, width = mask.shape
    rows, columns = (
        np.arange(now) * was // now for now, was in ((size[1], height), (size[0], width))
    )
    if size[0] >= width or size[1] >= height:
        grown: NDArray[np.bool_] = mask[np.ix_(rows, columns)]
        return grown
    by_rows = np.logical_or.reduceat(mask, rows, axis=0)
    return np.logical_or.reduceat(by_rows, columns, axis=1)


def _grow(mask: NDArray[np.bool_], times: int) -> NDArray[np.bool_]:
    """Return the mask with all pixels beside it.

    >>> _grow(np.array([[False, True, False, False]]), 1).tolist()
    [[True, True, True, False]]
    """
    for _ in range(times):
        padded = np.pad(mask, 1)
        mask = (
            padded[1:-1, 1:-1]
            | padded[:-2, 1:-1]
            | padded[2:, 1:-1]
            | padded[1:-1, :-2]
            | padded[1:-1, 2:]
        )
    return mask


def _shrink(mask: NDArray[np.bool_], times: int) -> NDArray[np.bool_]:
    """Return the mask without the pixels at its edge, which the image's edge is, too."""
    outside = ~np.pad(mask, times)
    kept = ~_grow(outside, times)
    return kept[times:-times, times:-times]
