"""A photo as a person sees it: turned by its EXIF, on a background, at most as large as needed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageColor

from rateval.modelkit import RemoteFile
from rateval_datasets.images import (
    SIDEWAYS,
    UnfitError,
    as_rgb,
    decode_image,
    open_image,
    orientation_of,
)
from rateval_datasets.view import Mask, seen_pixels

Source = Path | Callable[[], bytes]
"""Where a photo's bytes are: a file, or what returns them."""

FAST_SIDE = 512
"""Pixels that the shorter side of a photo keeps at least where ``decode = "fast"``."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF's orientation to what shows the stored pixels upright."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How photos are opened."""

    exif: Literal["apply", "ignore"] = "apply"
    """Whether a photo is turned as its EXIF says."""
    background: str = "#ffffff"
    """What is seen through transparent pixels, as ``PIL.ImageColor`` names colours."""
    decode: Literal["exact", "fast"] = "exact"
    """``fast`` lets a JPEG's decoder scale it by 1/2, 1/4 or 1/8."""

    @property
    def name(self) -> str:
        """This opening as part of an identity.

        >>> Opening().name
        'exif=apply background=#ffffff decode=exact'
        """
        return f"exif={self.exif} background={self.background} decode={self.decode}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A photo as it is shown, and how that came from the stored pixels."""

    image: Image.Image
    """RGB, as a model gets it."""
    stored: tuple[int, int]
    """Rows and columns of the file."""
    orientation: int
    """What its EXIF says, 1 (upright) to 8."""
    turned: bool
    """Whether that was applied."""
    notes: tuple[str, ...] = ()
    """What was done to the photo that a reader should know."""

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns that evidence has: those of the file, in the order that is shown."""
        sideways = self.turned and self.orientation in SIDEWAYS
        return self.stored[::-1] if sideways else self.stored

    def place(self, mask: Mask) -> Mask:
        """Return a mask of ``stored`` pixels as one of ``size``, turned as the photo was."""
        return turn_mask(mask, self.orientation) if self.turned else mask

    def require_size(self, size: tuple[int, int], what: str) -> None:
        """Require that evidence is of (rows, columns) as shown; UnfitError says if EXIF is why."""
        if size == self.size:
            return
        why = ""
        if self.orientation in SIDEWAYS and size == self.size[::-1]:
            other = "ignore" if self.turned else "apply"
            follows = "is of the pixels as stored" if self.turned else "follows"
            why = f'; its EXIF turns it, which the {what} {follows}: set exif = "{other}"'
        rows, columns = self.size
        raise UnfitError(
            f"evidence and image contradict each other: the {what} has {size[1]:,} x {size[0]:,} "
            f"pixels, the image {columns:,} x {rows:,}{why}"
        )

    def fit(self, mask: Mask) -> Mask:
        """Return a mask of ``size`` in the pixels of ``image``, which a fast decoder made fewer."""
        height, width = self.image.height, self.image.width
        if mask.shape == (height, width):
            return mask
        rows, columns = (
            seen_pixels(now, was) for now, was in zip((height, width), mask.shape, strict=True)
        )
        return mask[np.ix_(rows, columns)]


def turn_mask(mask: Mask, orientation: int) -> Mask:
    """Return a mask of stored pixels as EXIF's orientation shows them.

    >>> turn_mask(np.array([[True, False]]), 6).tolist()
    [[True], [False]]
    """
    if orientation not in _TURNS:
        return mask
    turned = Image.fromarray(mask.astype(np.uint8)).transpose(_TURNS[orientation])
    return np.asarray(turned) > 0


def show(source: Source, opening: Opening) -> Shown:
    """Open a photo. Raises OSError or ValueError when it is unreadable, UnfitError when left out.

    A colour profile is not applied: models are trained on pixels as they are stored.
    """
    with open_source(source) as image:
        stored = (image.height, image.width)
        orientation = orientation_of(image)
        notes = []
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # whose further frames aren't pictures to show
            notes.append("first of several frames")
        if opening.decode == "fast":
            least = FAST_SIDE / min(image.size)
            image.draft(None, tuple(int(np.ceil(side * least)) for side in image.size))  # type: ignore[arg-type]  # two of them
        opaque = _on_background(image, opening.background, notes)
    turned = opening.exif == "apply"
    if turned and orientation in _TURNS:
        opaque = opaque.transpose(_TURNS[orientation])
        notes.append("turned by EXIF")
    return Shown(opaque, stored, orientation, turned, tuple(notes))


@contextmanager
def open_source(source: Source) -> Iterator[Image.Image]:
    """Open an image as ``rateval_datasets.images.open_image`` does, wherever its bytes are."""
    if isinstance(source, RemoteFile):
        source = source.path()
    if isinstance(source, Path):
        with open_image(source) as image:
            yield image
    else:
        with decode_image(io.BytesIO(source())) as image:
            yield image


def _on_background(image: Image.Image, colour: str, notes: list[str]) -> Image.Image:
    """Return an image as RGB; what is transparent shows the background."""
    image.load()
    if image.mode in ("RGB", "L", "P", "1") and "transparency" not in image.info:
        return as_rgb(image)
    if not image.has_transparency_data:
        return as_rgb(image)
    layered = image.convert("RGBA")
    if np.asarray(layered.getchannel("A")).min() == 255:
        return layered.convert("RGB")
    notes.append("transparent pixels")
    behind = Image.new("RGBA", layered.size, (*ImageColor.getrgb(colour)[:3], 255))
    return Image.alpha_composite(behind, layered).convert("RGB")
