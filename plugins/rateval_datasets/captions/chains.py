"""Boxes of Flickr30k Entities' XML, by the chains of phrases that are about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from rateval_datasets.images import require_view
from rateval_datasets.layout import read_file
from rateval_datasets.public.boxes import Box, draw_boxes, parse_root
from rateval_datasets.view import Mask

_LARGEST_FILE = 1 << 20
"""Bytes that an annotation may have; those of the dataset have a few thousand."""
_FARTHEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Boxes:
    """The union of boxes as a region of a photo."""

    size: tuple[int, int]
    """Rows and columns of the photo as its annotator saw it."""
    boxes: tuple[Box, ...]

    @property
    def name(self) -> str:
        """Size and corners."""
        corners = [(box.left, box.top, box.right, box.bottom) for box in self.boxes]
        return f"boxes {self.size} {corners}"

    def draw(self, image: Image.Image) -> Mask:
        """Draw the boxes, scaled where the photo has another size."""
        require_view(image, self.size, "annotation")
        return draw_boxes(self.boxes, self.size, (image.height, image.width))


@dataclass(frozen=True, slots=True)
class Chains:
    """What an XML file says of one photo."""

    size: tuple[int, int]
    """Rows and columns."""
    boxes: Mapping[str, tuple[Box, ...]]
    """Chain to its boxes; a chain without any, such as a scene, is not among them."""


def read_chains(path: Path) -> Chains:
    """Read an annotation. Raises OSError, ValueError or SyntaxError when it is none."""
    root = parse_root(read_file(path, _LARGEST_FILE).decode("utf-8-sig"))
    rows, columns = (_whole(root, f"size/{side}") for side in ("height", "width"))
    if min(rows, columns) < 1:
        raise ValueError(f"the annotation says a size of {columns} x {rows} pixels")
    boxes: dict[str, list[Box]] = defaultdict(list)
    for element in root.iterfind("object"):
        names = [name.text.strip() for name in element.iterfind("name") if name.text]
        if not names:
            raise ValueError("an object of the annotation has no name, the number of its chain")
        frame = element.find("bndbox")
        if frame is not None:
            box = _box(frame)
            for name in names:
                boxes[name].append(box)
    return Chains((rows, columns), {name: tuple(found) for name, found in boxes.items()})


def _box(frame: ElementTree.Element) -> Box:
    """Return a box, whose corners count from 1 in the file: they are pixels that belong to it."""
    left, top, right, bottom = (
        _whole(frame, side) - 1 for side in ("xmin", "ymin", "xmax", "ymax")
    )
    return Box("", left, top, right, bottom)


def _whole(element: ElementTree.Element, name: str) -> int:
    text = element.findtext(name)
    if text is None:
        raise ValueError(f"the annotation lacks {name}")
    number = int(text)
    if abs(number) > _FARTHEST:
        raise ValueError(f"a number of the annotation lies outside of any image: {text[:20]}")
    return number
