"""Objects of a COCO file as the evidence of a photo."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rateval_datasets.own.formats.boxes import boxes_of
from rateval_datasets.own.formats.runs import read_runs
from rateval_datasets.own.formats.shapes import Annotated, Outline, Pixels, Shape, require_near
from rateval_datasets.own.photo import Shown
from rateval_datasets.view import Mask


@dataclass(frozen=True, slots=True)
class Area:
    """What the annotation of one object says, as it is in the file."""

    place: str
    """Such as ``annotations[3]``."""
    category: str
    segmentation: Any
    """Outlines, or a mask's runs; may be nothing."""
    box: Any
    """Left, top, width, height; may be nothing."""
    crowd: bool
    attributes: Mapping[str, Any]
    id: Any = None
    """What the file calls it, as questions name it."""

    @property
    def is_somewhere(self) -> bool:
        """Whether it says where the object is."""
        return bool(self.segmentation and self.segmentation != [[]]) or bool(self.box)

    def shapes(self) -> Iterator[Shape]:
        """Yield what draws it: its outlines or its mask, else its box. Raises ValueError."""
        if not self.segmentation or self.segmentation == [[]]:
            yield from boxes_of(self.box, "xywh")
        elif isinstance(self.segmentation, dict):
            drawn = read_runs(self.segmentation)
            yield Pixels(lambda: drawn, "")
        elif isinstance(self.segmentation, list):
            yield from map(_outline, self.segmentation)
        else:
            raise ValueError("a segmentation is a list of outlines, or the runs of a mask")


def _outline(numbers: Any) -> Outline:
    if not isinstance(numbers, list) or len(numbers) % 2:
        raise ValueError("an outline is a list of numbers x, y, x, y, …")
    points = np.asarray(numbers, np.float64).reshape(-1, 2)
    require_near(points)
    return Outline(points)


@dataclass(frozen=True, slots=True)
class Objects:
    """The evidence of a photo: its objects of one category, united.

    They stay as they are in the file until the photo is opened: there may be a million of them.
    """

    areas: Sequence[Area]
    size: tuple[int, int] | None
    """Rows and columns that the file says; where they are those of the stored pixels, and EXIF
    turns the photo, the mask is turned with it."""

    @property
    def name(self) -> str:
        """A digest of what is drawn."""
        digest = hashlib.sha256(repr(self.size).encode())
        for area in self.areas:
            digest.update(_bytes_of(area.segmentation) + b" box " + _bytes_of(area.box) + b"\n")
        return digest.hexdigest()[:32]

    def draw(self, shown: Shown) -> Mask:
        """Draw the objects, each pixel whose centre is inside of one."""
        shapes: list[Shape] = []
        for area in self.areas:
            try:
                shapes += area.shapes()
            except (TypeError, ValueError, OverflowError) as error:
                raise ValueError(f"{area.place}: {error}") from error
        return Annotated(shapes, self.size).draw(shown)


def _bytes_of(said: Any) -> bytes:
    """Return what determines outlines, runs or a box; numbers as such, for text takes far longer.

    >>> _bytes_of([[1, 2.5]]) == _bytes_of([[1.0, 2.5]]) != _bytes_of([[1, 2], [5]])
    True
    """
    try:
        parts = [array("d", numbers).tobytes() for numbers in said]
        return b"".join(b"%d " % len(part) + part for part in parts)
    except (TypeError, OverflowError):
        return repr(said).encode("utf-8", "surrogatepass")


def objects_of(
    areas: Sequence[Area], category: str | None, size: tuple[int, int] | None, *, crowds: bool
) -> tuple[Objects | None, list[Area]]:
    """Return the evidence that a photo's objects of a category are, and these objects.

    It is None where none of them says where it is, or all are crowds that don't count.
    """
    own = [area for area in areas if area.category == category]
    drawn = [area for area in own if area.is_somewhere and (crowds or not area.crowd)]
    return Objects(drawn, size) if drawn else None, own
