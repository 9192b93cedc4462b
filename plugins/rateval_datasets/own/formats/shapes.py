"""Shapes of annotations, drawn as evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rateval_datasets.contours import FARTHEST, fill_contour
from rateval_datasets.images import UnfitError
from rateval_datasets.own.photo import Shown
from rateval_datasets.view import Mask


@dataclass(frozen=True, slots=True)
class Outline:
    """A closed outline, filled."""

    points: NDArray[np.float64]
    """(P, 2), x and y of corners, in pixels or shares; (0, 0) is the image's upper left corner."""
    is_box: bool = False

    @property
    def name(self) -> str:
        """Part of an identity."""
        return f"{'box' if self.is_box else 'outline'} {self.points.round(6).tolist()}"


@dataclass(frozen=True, slots=True)
class Pixels:
    """A mask as pixels."""

    read: Callable[[], Any]
    """Returns (rows, columns), True or above 0 where the object is."""
    name: str
    """Part of an identity."""


Shape = Outline | Pixels


@dataclass(frozen=True, slots=True)
class Annotated:
    """The evidence of a photo: the union of its shapes."""

    shapes: Sequence[Shape]
    size: tuple[int, int] | None
    """Rows and columns of the image as its annotator saw it; None where nothing says so."""
    shares: bool = False
    """Whether outlines are in shares of the image's sides; then ``size`` says nothing."""

    @property
    def name(self) -> str:
        """A digest of the shapes."""
        text = repr((self.size, self.shares, [shape.name for shape in self.shapes]))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def draw(self, shown: Shown) -> Mask:
        """Draw the shapes in the pixels that the annotator saw.

        Where these are the stored ones, and EXIF turns the photo, the mask is turned with it.
        Raises UnfitError where they are neither, ValueError for what cannot be drawn.
        """
        pixels = [_read_pixels(one) for one in self.shapes if isinstance(one, Pixels)]
        seen = None if self.shares else self.size
        if seen is None and pixels:
            seen = (pixels[0].shape[0], pixels[0].shape[1])
        stored = seen is not None and seen != shown.size and seen == shown.stored
        if seen is not None and not stored:
            shown.require_size(seen, "annotation")
        rows, columns = shown.stored if stored else shown.size
        mask = np.zeros((rows, columns), dtype=np.bool_)
        for one in pixels:
            if one.shape != mask.shape:
                raise UnfitError(
                    f"evidence and image contradict each other: a mask has {one.shape[1]:,} x "
                    f"{one.shape[0]:,} pixels, its annotations {columns:,} x {rows:,}"
                )
            mask |= one
        scale = np.array([columns, rows], np.float64) if self.shares else 1.0
        for shape in self.shapes:
            if isinstance(shape, Outline):
                fill_outline(shape, scale, mask)
        return shown.place(mask) if stored else mask


def _read_pixels(pixels: Pixels) -> Mask:
    found = np.asarray(pixels.read())
    if found.ndim != 2:
        raise ValueError(f"a mask has two sides, not the shape {found.shape}")
    return np.asarray(found > 0)


def fill_outline(outline: Outline, scale: NDArray[np.float64] | float, mask: Mask) -> None:
    """Set a mask's pixels whose centres lie inside of an outline, by the even-odd rule.

    Raises ValueError for one that cannot be drawn.
    """
    points = outline.points * scale
    if outline.is_box:
        if not np.isfinite(points).all():
            raise ValueError("a box has corners that are not finite")
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        y, x = (np.arange(side) + 0.5 for side in mask.shape)
        mask |= ((y >= top) & (y < bottom))[:, None] & ((x >= left) & (x < right))
        return
    require_near(points)
    rows, columns = mask.shape
    left, top = np.clip(np.floor(points.min(axis=0)), 0, (columns, rows)).astype(int)
    right, bottom = np.clip(np.ceil(points.max(axis=0)), 0, (columns, rows)).astype(int)
    if left == right or top == bottom:
        return
    # There a pixel's centre, not its corner, is at a whole number.
    inner = points - np.array([left + 0.5, top + 0.5])
    mask[top:bottom, left:right] |= fill_contour(inner.T, (bottom - top, right - left))


def require_near(points: NDArray[np.float64]) -> None:
    """Require points (P, 2), three or more, of an image. Raises ValueError."""
    if len(points) < 3 or not np.isfinite(points).all() or np.abs(points).max() > FARTHEST:
        raise ValueError("an outline has fewer than three points, or some outside of any image")
