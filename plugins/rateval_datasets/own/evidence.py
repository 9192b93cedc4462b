"""Evidence of a photo: what draws its mask, whatever form it came in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from rateval.modelkit import size_of
from rateval_datasets.images import UnfitError
from rateval_datasets.own.photo import Shown, Source, open_source
from rateval_datasets.view import Mask

Values = np.ndarray[tuple[int, ...], np.dtype[np.integer[Any] | np.bool_]]
"""Numbers of any kind, as an image stores them."""

LOSSLESS = (".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")
"""Endings of mask files, in lower case: formats that keep the numbers that were stored."""


class Evidence(Protocol):
    """What draws the mask of one photo."""

    @property
    def name(self) -> str:
        """All that determines the mask, as part of an identity; short, so perhaps a digest."""
        ...

    def draw(self, shown: Shown) -> Mask:
        """Draw the mask, (rows, columns) bool of ``shown.size``.

        Raises OSError, SyntaxError or ValueError when a file is damaged, and UnfitError when it can
        be read but doesn't fit the photo.
        """
        ...


@dataclass(frozen=True, slots=True)
class MaskImage:
    """A mask that is an image of the photo's size."""

    source: Source
    values: tuple[int, ...] | None = None
    """Stored values that count, such as a class of a label map; None counts what is above 0."""
    title: str = ""
    """Path below the masks' folder, as part of an identity."""

    @property
    def name(self) -> str:
        """The file, its size, and the values that count."""
        size = file_size(self.source) if isinstance(self.source, Path) else 0
        return f"{self.title} {size} {self.values}"

    def draw(self, shown: Shown) -> Mask:
        """Read the mask."""
        with open_source(self.source) as image:
            numbers = stored_values(image)
        shown.require_size((numbers.shape[0], numbers.shape[1]), "mask")
        if self.values is None:
            channels = numbers.reshape(*numbers.shape[:2], -1)
            above: Mask = np.asarray((channels > 0).any(axis=2))
            return above
        if numbers.ndim != 2:
            raise UnfitError(
                "evidence of another kind: a mask of colours has no values to choose from; "
                "leave out mask_values, or give a label map of one channel"
            )
        chosen: Mask = np.isin(numbers, self.values)
        return chosen


def stored_values(image: Image.Image) -> Values:
    """Return the numbers of a mask's image: indices of a palette, 16 bits whole, without alpha.

    (rows, columns), or (rows, columns, 3) for colours.
    """
    image.load()
    if image.mode == "LA" or image.mode == "PA":
        image = image.getchannel(0)
    elif image.mode in ("RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV", "LAB"):
        image = image.convert("RGB")
    return np.asarray(image)


def file_size(path: Path) -> int:
    """Return a file's size in bytes, fetched or not; -1 where there is none."""
    try:
        return size_of(path)
    except (OSError, ValueError):
        return -1
