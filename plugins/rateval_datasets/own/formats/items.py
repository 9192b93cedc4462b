"""Items of datumaro as photos: label, evidence, split and groups."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from datumaro.components.annotation import (
    AnnotationType,
    ExtractedMask,
    RleMask,
)
from datumaro.util.image import IMAGE_BACKEND, ImageBackend, lazy_image

from rateval_datasets.own.classes import label_of_objects, only_label
from rateval_datasets.own.evidence import file_size
from rateval_datasets.own.formats.attributes import groups_of
from rateval_datasets.own.formats.names import SHARES, UNGROUPED
from rateval_datasets.own.formats.reading import Found
from rateval_datasets.own.formats.runs import require_runs
from rateval_datasets.own.formats.shapes import Annotated, Outline, Pixels, Shape
from rateval_datasets.own.rows import Photo

_OUTLINES = (AnnotationType.polygon, AnnotationType.ellipse, AnnotationType.rotated_bbox)
_AREAS = (AnnotationType.bbox, AnnotationType.mask, *_OUTLINES)
"""What covers a part of a photo; points, lines and cuboids don't."""
_WHOLE = "default"
"""datumaro's split of what is in none."""
_UNION = "trainval"


def photos_of(
    found: Found, root: Path, by: Literal["annotations", "folder"], *, crowds: bool
) -> list[Photo]:
    """Return a photo for each item, sorted by id; one without a single label has a fault."""
    photos = [_photo(item, found, root, by, crowds) for item in found.items]
    for (item, split), reason in found.faults.items():
        fault = _unreadable(reason, root)
        photos.append(Photo(item, root / item, None, split=_split(split), fault=fault))
    parts = {photo.id for photo in photos if photo.split != _UNION}
    # What is in VOC's "trainval" is in "train" or "val", too.
    kept = [photo for photo in photos if photo.split != _UNION or photo.id not in parts]
    return sorted(kept, key=lambda photo: photo.id)


def _photo(item: Any, found: Found, root: Path, by: str, crowds: bool) -> Photo:
    path, split = getattr(item.media, "path", None), _split(item.subset)
    if not path:
        why = "no image belongs to the annotations"
        return Photo(str(item.id), root / str(item.id), None, split=split, fault=why)
    label, fault = label_of(item.annotations, found.names)
    if by == "folder":
        label, fault = Path(path).parent.name, None
    at = found.names.index(label) if label in found.names else None
    own = [one for one in item.annotations if at is not None and getattr(one, "label", None) == at]
    evidence = None
    try:
        evidence = _evidence(item.media, own, found.format, crowds)
    except (OSError, ValueError) as error:
        fault = _unreadable(f"{type(error).__name__}: {error}", root)
    return Photo(
        Path(os.path.relpath(path, root)).as_posix(),
        Path(path),
        label,
        evidence,
        split,
        groups_of([item.attributes, *(one.attributes for one in own)]),
        _caption(item.annotations),
        fault,
    )


def _unreadable(reason: str, root: Path) -> str:
    # Where the folder lies is no part of an identity.
    return f"unreadable annotations: {reason}".replace(f"{root}{os.sep}", "")


def _evidence(media: Any, own: Iterable[Any], form: str, crowds: bool) -> Annotated | None:
    areas = [
        one
        for one in own
        if one.type in _AREAS and (crowds or not one.attributes.get("is_crowd", False))
    ]
    # Asked for a size that nothing said, datumaro reads the file.
    shares, says = form in SHARES, media.has_size
    size = media.size if (areas and shares) or says else None
    if areas and shares and size is None:
        raise ValueError("the image that they are shares of cannot be read")
    shapes = [
        shape_of(one, size if shares else None) for one in without_boxes_of_outlines(areas, form)
    ]
    return Annotated(shapes, size, shares) if shapes else None


def _split(name: str | None) -> str | None:
    return None if name in (None, "", _WHOLE) else name


def label_of(annotations: Iterable[Any], names: Sequence[str]) -> tuple[str | None, str | None]:
    """Return the label of a photo, or why it has none: its own one, else its objects' class."""
    whole = {one.label for one in annotations if one.type == AnnotationType.label}
    parts = {
        one.label
        for one in annotations
        if one.type != AnnotationType.label and getattr(one, "label", None) is not None
    }
    if not all(0 <= one < len(names) for one in whole | parts):
        return None, "no label: the number of its class is none"
    if whole:
        return only_label({names[one] for one in whole}, "labels")
    if not parts and any(one.type in _AREAS and one.label is None for one in annotations):
        return None, "no label: its objects have no class"
    return label_of_objects(names[one] for one in parts)


def without_boxes_of_outlines(areas: Sequence[Any], form: str) -> list[Any]:
    """Return areas without the boxes of objects that have an outline or a mask, too.

    They have one group; in VOC, which numbers boxes otherwise, masks stand for all objects.
    """
    finer = [one for one in areas if one.type != AnnotationType.bbox]
    if form.startswith(UNGROUPED):
        return finer or list(areas)
    groups = {one.group for one in finer} - {0}
    return [one for one in areas if one.type != AnnotationType.bbox or one.group not in groups]


def shape_of(area: Any, size: tuple[int, int] | None) -> Shape:
    """Return what draws an area; with the ``size`` that it refers to, in shares of it."""
    if area.type == AnnotationType.mask:
        return Pixels(_reader(area), _digest_mask(area))
    if area.type == AnnotationType.bbox:
        left, top, right, bottom = area.points
        corners = [left, top, right, top, right, bottom, left, bottom]
    else:
        corners = area.points if area.type == AnnotationType.polygon else area.as_polygon()
    points = np.asarray(corners, np.float64).reshape(-1, 2)
    if size is not None:
        points = points / np.array([size[1], size[0]])
    return Outline(points, is_box=area.type == AnnotationType.bbox)


def _reader(mask: Any) -> Callable[[], Any]:
    return lambda: _decode(lambda: mask.image)


def _decode(read: Callable[[], Any]) -> Any:
    # datumaro keeps this choice for the thread that imported it alone.
    IMAGE_BACKEND.set(ImageBackend.cv2)
    try:
        return read()
    except (OSError, ValueError, MemoryError):
        raise
    except Exception as error:  # whatever a broken mask makes its decoders raise
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _digest_mask(mask: Any) -> str:
    """Return what determines a mask: its file and value, else its pixels.

    Raises OSError or ValueError when those are needed and cannot be read.
    """
    whole = mask.index_mask if isinstance(mask, ExtractedMask) else mask._image
    if isinstance(whole, lazy_image):
        path = Path(whole._path)
        value = mask.index if isinstance(mask, ExtractedMask) else ""
        return f"mask {path.parent.name}/{path.name} {file_size(path)} {value}"
    if isinstance(mask, RleMask):
        runs = _decode(lambda: mask.rle)
        sides, counts = list(require_runs(runs)), runs["counts"]
        return f"mask {sides} {hashlib.sha256(repr(counts).encode()).hexdigest()[:32]}"
    pixels = np.asarray(_reader(mask)()) > 0
    return f"mask {pixels.shape} {hashlib.sha256(np.packbits(pixels).tobytes()).hexdigest()[:32]}"


def _caption(annotations: Iterable[Any]) -> str | None:
    return next((one.caption for one in annotations if one.type == AnnotationType.caption), None)
