"""Regions of an image that an answer needs, before they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from rateval_datasets.images import UnfitError, open_image, require_view
from rateval_datasets.own.evidence import stored_values
from rateval_datasets.own.formats.shapes import Outline, fill_outline
from rateval_datasets.view import Mask


class Region(Protocol):
    """What draws the mask of one question."""

    @property
    def name(self) -> str:
        """All that determines the mask, as part of an identity."""
        ...

    def draw(self, image: Image.Image) -> Mask:
        """Draw the mask, (rows, columns) bool of the image's size.

        Raises OSError, SyntaxError or ValueError when it cannot be drawn, and UnfitError when it
        doesn't fit the image.
        """
        ...


@dataclass(frozen=True, slots=True)
class Shapes:
    """The union of boxes, or of closed outlines; a pixel counts when its centre lies inside."""

    size: tuple[int, int]
    """Rows and columns of the image as its annotator saw it."""
    points: tuple[tuple[tuple[float, float], ...], ...]
    """For each shape x and y of its corners, two for a box; (0, 0) is the upper left corner."""
    source: str
    """What says so, such as ``scene graph``."""
    are_boxes: bool = False

    @property
    def name(self) -> str:
        """Size and corners.

        >>> Shapes((4, 5), (((0, 0), (2, 2)),), "scene graph", are_boxes=True).name
        'boxes (4, 5) (((0, 0), (2, 2)),)'
        """
        return f"{'boxes' if self.are_boxes else 'outlines'} {self.size} {self.points}"

    def draw(self, image: Image.Image) -> Mask:
        """Draw the shapes, scaled where the image has another size."""
        require_view(image, self.size, self.source)
        rows, columns = self.size
        mask = np.zeros((image.height, image.width), dtype=np.bool_)
        scale = np.array([image.width / columns, image.height / rows])
        for corners in self.points:
            fill_outline(Outline(np.array(corners, np.float64), self.are_boxes), scale, mask)
        return mask


@dataclass(frozen=True, slots=True)
class MaskFile:
    """An image of the photo's size that is above 0 where the region is."""

    path: Path

    @property
    def name(self) -> str:
        """The file's name."""
        return f"mask {self.path.name}"

    def draw(self, image: Image.Image) -> Mask:
        """Read the mask."""
        with open_image(self.path) as stored:
            numbers = stored_values(stored)
        if numbers.shape[:2] != (image.height, image.width):
            raise UnfitError(
                f"mask and image contradict each other: {numbers.shape[1]:,} x "
                f"{numbers.shape[0]:,} pixels and {image.width:,} x {image.height:,}"
            )
        above: Mask = np.asarray((numbers.reshape(*numbers.shape[:2], -1) > 0).any(axis=2))
        return above
