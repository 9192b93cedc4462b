"""Images and masks of a call, whatever they are given as."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from rateval.wording import describe

_ORIENTATION = 0x0112
_TURNED = range(2, 9)
"""Values of EXIF's orientation other than upright."""
_SIDEWAYS = range(5, 9)
"""Those that exchange rows and columns."""
_PLAIN = ("RGB", "L", "1", "P", "CMYK", "YCbCr", "LA", "PA", "RGBA", "La", "RGBa", "RGBX", "HSV")
"""Modes of at most 8 bits a channel."""
IMAGE_FORMS = "a PIL image, the path of one, or an array (H, W, 3) uint8"
MASK_FORMS = "an array (H, W) bool, the path of an image whose evidence is above 0, or None"


class UnfitError(ValueError):
    """Why an image or a mask can't be used."""


def explain_image(value: object) -> str | None:
    """Return what is wrong with an image before any pixel is read; None for a sound one.

    >>> explain_image(np.zeros((2, 2, 3), np.uint8))
    >>> explain_image(np.zeros((3, 2, 2), np.float32))
    'is (3, 2, 2) float32; give a PIL image, the path of one, or an array (H, W, 3) uint8'
    """
    if isinstance(value, str | PathLike):
        return _explain_path(value)
    if isinstance(value, Image.Image):
        return None if value.mode in _PLAIN else f"{_explain_mode(value)}; convert it to RGB"
    is_bytes = isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.size > 0
    if is_bytes and getattr(value, "shape", ())[2:] == (3,):
        return None
    return f"is {describe(value)}; give {IMAGE_FORMS}"


def explain_mask(value: object) -> str | None:
    """Return what is wrong with a mask before any pixel is read; None for a sound one.

    >>> explain_mask(None)
    >>> explain_mask(np.zeros((2, 2), np.uint8)).split(";")[0]
    'is (2, 2) uint8'
    """
    if value is None:
        return None
    if isinstance(value, str | PathLike):
        return _explain_path(value)
    array = as_array(value)
    if array is None or array.ndim != 2:
        return f"is {describe(value)}; give {MASK_FORMS}"
    if array.dtype != np.bool_:
        return f"is {describe(value)}; give {MASK_FORMS}: of numbers, `mask > 0`"
    return None


def as_array(value: Any) -> NDArray[Any] | None:
    """Return an array or a tensor as an array, else None."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        tensor: NDArray[Any] = value.detach().cpu().numpy()
        return tensor
    return None


def size_of(value: Any) -> tuple[int, int] | None:
    """Return rows and columns of an image or a mask, of a file by its header; None if unreadable.

    A file is of the size that its EXIF turns it to.
    """
    if isinstance(value, str | PathLike):
        try:
            with Image.open(value) as image:
                turned = image.getexif().get(_ORIENTATION) in _SIDEWAYS
                return image.size if turned else (image.height, image.width)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None  # it is skipped, and why is told, when it is read
    if isinstance(value, Image.Image):
        return value.height, value.width
    rows, columns = value.shape[:2]
    return int(rows), int(columns)


def read_image(value: Any) -> tuple[Image.Image, tuple[str, ...]]:
    """Return an image as RGB, and what was done to it.

    A file is turned as its EXIF says; a PIL image is taken as it is. Transparent pixels show white.
    Raises UnfitError when it is no image that can be read.
    """
    if isinstance(value, str | PathLike):
        with _opened(value) as opened:
            notes = ["turned by EXIF"] if opened.getexif().get(_ORIENTATION, 1) in _TURNED else []
            turned = ImageOps.exif_transpose(opened)
            return _as_rgb(turned, notes), tuple(notes)
    if why := explain_image(value):
        raise UnfitError(why)
    if isinstance(value, Image.Image):
        notes = []
        return _as_rgb(value, notes), tuple(notes)
    return Image.fromarray(np.ascontiguousarray(value)), ()


def read_mask(value: Any) -> NDArray[np.bool_] | None:
    """Return a mask as (H, W) bool; of a file, what is above 0. Raises UnfitError for none."""
    if value is None:
        return None
    if not isinstance(value, str | PathLike):
        if why := explain_mask(value):
            raise UnfitError(why)
        return as_array(value)
    with _opened(value) as opened:
        turned = ImageOps.exif_transpose(opened)
        pixels = np.asarray(turned)
        colours = pixels[..., :-1] if turned.mode in ("LA", "PA", "RGBA") else pixels
    evidence: NDArray[np.bool_] = colours > 0
    if evidence.ndim == 3:
        evidence = np.logical_or.reduce(evidence, axis=2)
    return evidence


@contextmanager
def _opened(path: str | PathLike[str]) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            image.load()
            yield image
    except UnfitError:
        raise
    except Exception as error:  # a broken file makes Pillow raise whatever its decoders meet
        reason = str(error).partition("\n")[0]
        raise UnfitError(f"{type(error).__name__}: {reason}") from error


def _as_rgb(image: Image.Image, notes: list[str]) -> Image.Image:
    if image.mode not in _PLAIN:
        raise UnfitError(_explain_mode(image))
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    layered = image.convert("RGBA")
    if np.asarray(layered.getchannel("A")).min() == 255:
        return layered.convert("RGB")
    notes.append("transparent pixels")
    white = Image.new("RGBA", layered.size, "#ffffff")
    return Image.alpha_composite(white, layered).convert("RGB")


def _explain_mode(image: Image.Image) -> str:
    return f"is an image of mode {image.mode}, which doesn't say which number is white"


def _explain_path(value: str | PathLike[str]) -> str | None:
    try:
        found = Path(value).is_file()
    except (OSError, ValueError):
        found = False
    return None if found else f"= {str(value)!r}: there is no such file"
