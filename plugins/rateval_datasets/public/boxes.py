"""Bounding boxes in PASCAL VOC's XML, as ImageNet and Stanford Dogs have them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from rateval_datasets.images import UnfitError
from rateval_datasets.layout import read_file
from rateval_datasets.view import Mask, View, seen_pixels

_LARGEST_FILE = 1 << 20
"""Bytes that an annotation may have; those of the datasets read have a few thousand."""
_FARTHEST = 1_000_000
"""Pixels from an image's corner beyond which no box lies."""


@dataclass(frozen=True, slots=True)
class Box:
    """The box of one object: first and last column and row of pixels that belong to it.

    Both count from 0, as ImageNet's annotations do: theirs run from 0 to the width less one.
    """

    name: str
    """What the object is: a WordNet id in ImageNet and Stanford Dogs."""
    left: int
    top: int
    right: int
    bottom: int

    def __post_init__(self) -> None:
        if self.right < self.left or self.bottom < self.top:
            raise ValueError(f"a box ends before it begins: {self}")


@dataclass(frozen=True, slots=True)
class Annotation:
    """What an XML file says about one image."""

    size: tuple[int, int] | None
    """Rows and columns of the image as its annotator saw it; None where the file doesn't say."""
    boxes: tuple[Box, ...]


def parse_root(text: str) -> ElementTree.Element:
    """Return the root of an annotation's XML. Raises ValueError or SyntaxError when it is none.

    A document type is refused: without one an XML file can declare no entity, so it can neither
    grow without bounds when parsed nor refer to another file or address.

    >>> parse_root("<annotation><object/></annotation>").tag
    'annotation'
    """
    if "<!DOCTYPE" in text:
        raise ValueError("the annotation declares a document type, which none needs")
    root = ElementTree.fromstring(text)  # noqa: S314  # no entities without a document type
    if root.tag != "annotation":
        raise ValueError(f"an annotation begins with <annotation>, not with <{root.tag:.40}>")
    return root


def parse_annotation(text: str) -> Annotation:
    """Read an annotation. Raises ValueError or SyntaxError when it is none.

    >>> parse_annotation("<annotation><object/></annotation>")
    Traceback (most recent call last):
    ValueError: an object of the annotation lacks bndbox
    """
    root = parse_root(text)
    height, width = (_whole(root.findtext(f"size/{side}") or "0") for side in ("height", "width"))
    if min(height, width) < 0 or (height == 0) != (width == 0):
        raise ValueError(f"the annotation says a size of {width} x {height} pixels")
    return Annotation(
        size=(height, width) if height else None,
        boxes=tuple(_box(element) for element in root.iterfind("object")),
    )


def read_annotation(path: Path) -> Annotation:
    """Read an annotation from a UTF-8 file. Raises OSError, ValueError or SyntaxError."""
    return parse_annotation(read_file(path, _LARGEST_FILE).decode("utf-8-sig"))


def boxes_of(found: Annotation, name: str) -> list[Box]:
    """Return the boxes of what is called ``name``; none where there is no box at all.

    Raises UnfitError when all boxes are of something else: annotation or label is another image's.
    """
    own = [box for box in found.boxes if box.name == name]
    if found.boxes and not own:
        raise UnfitError(
            f"annotation and label contradict each other: boxes of {found.boxes[0].name:.40}, none "
            f"of {name}"
        )
    return own


def _whole(text: str) -> int:
    number = int(text)
    if abs(number) > _FARTHEST:
        raise ValueError(f"a number of the annotation lies outside of any image: {text[:20]}")
    return number


def _box(element: ElementTree.Element) -> Box:
    frame = element.find("bndbox")
    if frame is None:
        raise ValueError("an object of the annotation lacks bndbox")
    sides = []
    for side in ("xmin", "ymin", "xmax", "ymax"):
        value = frame.findtext(side)
        if value is None:
            raise ValueError(f"a box of the annotation lacks {side}")
        sides.append(_whole(value))
    return Box((element.findtext("name") or "").strip(), *sides)


def fill_boxes(boxes: Iterable[Box], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Mask:
    """Draw the union of boxes as (H, W) bool.

    ``rows`` (H,) and ``columns`` (W,) name the pixels, in the boxes' coordinates, that the mask's
    own pixels show: a scaled or cropped image shows others than the annotator saw.

    >>> fill_boxes([Box("dog", 1, 0, 9, 0)], np.arange(2), np.arange(3)).tolist()
    [[False, True, True], [False, False, False]]
    """
    mask = np.zeros((len(rows), len(columns)), dtype=np.bool_)
    for box in boxes:
        high = (rows >= box.top) & (rows <= box.bottom)
        wide = (columns >= box.left) & (columns <= box.right)
        mask |= high[:, None] & wide
    return mask


def draw_boxes(boxes: Iterable[Box], seen: tuple[int, int] | None, size: tuple[int, int]) -> Mask:
    """Draw the union of boxes, seen on an image of the size ``seen``, as a mask of ``size``.

    Boxes of ImageNet refer to the size at which the annotator saw the image, which for some isn't
    that of the file. None takes them as they are.

    >>> draw_boxes([Box("dog", 1, 0, 1, 0)], (1, 2), (2, 4)).tolist()
    [[False, False, True, True], [False, False, True, True]]
    """
    rows, columns = (seen_pixels(*pair) for pair in zip(size, seen or size, strict=True))
    return fill_boxes(boxes, rows, columns)


def draw_published_boxes(boxes: Iterable[Box], seen: tuple[int, int], view: View) -> Mask:
    """Draw the union of boxes into a view, (side, side) bool, as the published code does.

    It moves the corners of boxes, seen on an image of the size ``seen``, rather than pixels, and
    cuts them to whole pixels.
    """
    ratio = min(seen) / view.shorter
    first_row, first_column = ((length / ratio - view.side) / 2 for length in seen)
    pixels = np.arange(view.side)
    moved = [
        Box(
            box.name,
            left=int(box.left / ratio - first_column),
            top=int(box.top / ratio - first_row),
            right=int(box.right / ratio - first_column),
            bottom=int(box.bottom / ratio - first_row),
        )
        for box in boxes
    ]
    return fill_boxes(moved, pixels, pixels)
