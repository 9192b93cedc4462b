"""A picture of a sample as models see it: small, and with the pixels alone."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rateval.api.protocols import Shift, Split
from rateval.api.values import Sample, Skipped
from rateval.data.shapes import leave_out_long
from rateval.data.splits import list_at_once
from rateval.errors import naming
from rateval.store.tables.pictures import encode_mask

SIDE = 256
"""Pixels of a picture's longer side at most."""
QUALITY = 75
"""Of WebP."""

Mask = NDArray[np.bool_]


class View(Protocol):
    """What is seen of an image of any size."""

    def image(self, image: Image.Image) -> Image.Image:
        """Return what is seen of an RGB image, as RGB."""
        ...

    def mask(self, mask: Mask) -> Mask:
        """Return what is seen of a mask of the image's size."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """One view of a test, and the models that have it."""

    models: tuple[str, ...]
    size: tuple[int, int]
    """Height and width."""
    view: View


@dataclass(frozen=True, slots=True)
class Images:
    """The images of a test as they were predicted."""

    split: Split
    shift: Shift | None
    readers: int


@dataclass(frozen=True, slots=True)
class Seen:
    """One sample as it is kept."""

    name: str
    """Its id."""
    shown: list[dict[str, Any]]
    """Columns of ``rateval.store.tables.pictures.SCHEMA`` for each look."""


Shown = tuple[int, int | None]
"""Position of a sample, and the class whose mask is shown of all that it depicts; None for that of
the sample itself."""


def see_all(test: Images, looks: Sequence[Look], shown: Sequence[Shown]) -> Iterator[Seen]:
    """Yield samples of a test, in their order, read by threads."""
    step = list_at_once(test.split)

    def see(piece: Sequence[Shown]) -> list[Seen]:
        samples = leave_out_long(test.split.samples([position for position, _ in piece]))
        each = zip(samples, piece, strict=True)
        return [_see(sample, test.shift, looks, label) for sample, (_, label) in each]

    pool = ThreadPoolExecutor(max(1, test.readers), thread_name_prefix="rateval-pictures")
    try:
        pieces = [shown[at : at + step] for at in range(0, len(shown), step)]
        for seen in pool.map(see, pieces):
            yield from seen
    finally:
        pool.shutdown(cancel_futures=True)


def _see(
    sample: Sample | Skipped, shift: Shift | None, looks: Sequence[Look], label: int | None
) -> Seen:
    if isinstance(sample, Skipped):
        return _without_picture(sample, looks)
    if shift is not None:
        with naming(f'what changes sample "{sample.id}"'):
            shifted = shift.apply(sample)
        if isinstance(shifted, Skipped):
            return _without_picture(shifted, looks)
        sample = shifted
    mask = sample.mask
    if label is not None:
        mask = next((one.mask for one in sample.depicted if one.label == label), None)
    return Seen(sample.id, [_show(sample.image, mask, look.view) for look in looks])


def _without_picture(skipped: Skipped, looks: Sequence[Look]) -> Seen:
    return Seen(skipped.id, [{"undefined": skipped.reason} for _ in looks])


def _show(image: Image.Image, whole: Mask | None, view: View) -> dict[str, Any]:
    picture = shrink(view.image(image))
    mask = None
    if whole is not None:
        seen = Image.fromarray(view.mask(whole).astype(np.uint8))
        # By nearest neighbour, as the view itself resizes masks.
        mask = encode_mask(np.asarray(seen.resize(picture.size, Image.Resampling.NEAREST)) > 0)
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=QUALITY)
    return {
        "picture": file.getvalue(),
        "width": picture.width,
        "height": picture.height,
        "mask": mask,
    }


def shrink(image: Image.Image) -> Image.Image:
    """Return an RGB image of at most ``SIDE`` pixels, with its pixels and nothing else.

    >>> shrink(Image.new("RGB", (384, 192))).size, shrink(Image.new("RGB", (64, 64))).size
    ((256, 128), (64, 64))
    """
    scale = SIDE / max(image.size)
    if scale < 1:
        width, height = (max(1, round(length * scale)) for length in image.size)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return Image.fromarray(np.asarray(image))  # what a file said beside its pixels is let go
