"""Images and masks of every kind that Pillow reads, as 8 bits a channel, within bounds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from rateval.modelkit import explain_length
from rateval_datasets.layout import open_file

LARGEST = 89_478_485
"""Pixels that an image may have: from here on Pillow warns of a decompression bomb."""
LARGEST_FILE = 1 << 29
"""Bytes that the file of an image may have: as many as that number of pixels takes, and more."""
_ORIENTATION = 0x0112
SIDEWAYS = range(5, 9)
"""Values of EXIF's orientation that exchange rows and columns."""


class UnfitError(ValueError):
    """Why a sample is left out although its files can be read."""


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """Open an image that is decoded when its pixels are first used.

    Raises OSError or ValueError when it is unreadable, and UnfitError when it is too large or too
    long; so does what is done with it inside of the ``with``.
    """
    with open_file(path) as file:
        if (size := os.fstat(file.fileno()).st_size) > LARGEST_FILE:
            raise UnfitError(f"too large: a file of {size:,} bytes, of at most {LARGEST_FILE:,}")
        with decode_image(file) as image:
            yield image


@contextmanager
def decode_image(file: BinaryIO) -> Iterator[Image.Image]:
    """Decode the image of an open file as ``open_image`` does, and raise what that raises."""
    try:
        with Image.open(file) as image:
            _check_size(image.size)
            yield image
    except (UnfitError, OSError) as error:
        if isinstance(error, UnidentifiedImageError):  # its text shows an object of Python's
            raise ValueError("UnidentifiedImageError: cannot identify image file") from error
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnfitError(f"too large: more than {LARGEST:,} pixels") from error
    except Exception as error:
        # A broken file makes Pillow raise whatever its decoders stumble over.
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > LARGEST:
        raise UnfitError(f"too large: {width:,} x {height:,} pixels, of at most {LARGEST:,}")
    if reason := explain_length(size):
        raise UnfitError(reason)


def as_rgb(image: Image.Image) -> Image.Image:
    """Return an image as RGB; what lies under transparent pixels is shown, as CLIP's code does."""
    return _convert(image, "RGB")


def as_grey(image: Image.Image) -> Image.Image:
    """Return an image as grey, 0 to 255; colours count by their brightness."""
    return _convert(image, "L")


def _convert(image: Image.Image, mode: str) -> Image.Image:
    ready = _eight_bits(image)
    # What is in that mode already need not be copied: it is loaded, and nobody else has it.
    return ready if ready.mode == mode else ready.convert(mode)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return an image of at most 8 bits a channel: of 16 the upper ones, as Pillow does for RGB.

    Raises UnfitError for whole numbers of 32 bits and for floats, which don't say what is white.
    """
    image.load()
    # Pillow would warn that it is lost.
    image.info.pop("transparency", None)
    # Portable greymaps, and PNGs in older versions of Pillow, are 16 bits in a mode of 32.
    sixteen = image.mode.startswith("I;16") or (image.mode == "I" and image.format in _SIXTEEN)
    if sixteen:
        upper = np.asarray(image).astype(np.int32) >> 8
        changed = Image.fromarray(upper.astype(np.uint8))
        changed.info = image.info
        return changed
    if image.mode in ("I", "F"):
        raise UnfitError(
            f"no 8 or 16 bits: an image of mode {image.mode} doesn't say which number is white"
        )
    return image


_SIXTEEN = ("PNG", "PPM")
"""Formats whose mode I holds 0 to 65,535."""


def open_rgb(path: Path) -> Image.Image:
    """Read an image as RGB; grey ones, CMYK and palettes are converted.

    An orientation in its EXIF is not applied: annotations refer to the stored pixels. Raises
    OSError or ValueError when it is unreadable, and UnfitError when it is left out.
    """
    with open_image(path) as image:
        return as_rgb(image)


def is_turned(image: Image.Image) -> bool:
    """Return whether the EXIF of an image says that it is to be shown with its sides exchanged."""
    return orientation_of(image) in SIDEWAYS


def orientation_of(image: Image.Image) -> int:
    """Return EXIF's orientation of an image, 1 (upright) to 8; 1 where it says none of these."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # whatever a broken EXIF makes Pillow raise
        return 1
    return int(found) if found in range(1, 9) else 1


def require_view(image: Image.Image, seen: tuple[int, int], what: str) -> None:
    """Require that an image of (rows, columns) ``seen`` is this one, scaled by one factor.

    Either side may be off by a pixel, for sizes are rounded. Raises UnfitError.
    """
    size = (image.height, image.width)
    if seen == size:
        return
    low = max((side - 1) / length for side, length in zip(seen, size, strict=True))
    high = min((side + 1) / length for side, length in zip(seen, size, strict=True))
    if low < high and seen != size[::-1]:
        return
    raise contradiction(image, f"the {what} has {seen[1]:,} x {seen[0]:,} pixels")


def contradiction(image: Image.Image, what: str) -> UnfitError:
    """Return why an annotation cannot be one of this image; names EXIF when it may be why."""
    turned = "; its EXIF turns it, which the annotation follows" if is_turned(image) else ""
    return UnfitError(
        f"annotation and image contradict each other: {what}, the image "
        f"{image.width:,} x {image.height:,}{turned}"
    )
