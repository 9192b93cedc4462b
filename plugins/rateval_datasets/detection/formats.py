"""The formats of annotation tools, known by the files that mark them. No datumaro."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from rateval.modelkit import Clues, Guess

_HEAD = 4096
"""Bytes at the beginning of a file that say what it is."""


def detect_datumaro(clues: Clues) -> Guess | None:
    """Return a format of an annotation tool, of the whole folder that it exported.

    Not coco_instances, which another reader takes (``coco``).
    """
    root = clues.data
    if root is None or not root.is_dir() or clues.masks is not None:
        return None
    for name, marks, why in _MARKS:
        if marks(root):
            params = {"root": str(root), "format": name}
            return Guess(f"{why}, the format {name}", params, 2)
    return None


def _is_voc(root: Path) -> bool:
    return (root / "ImageSets").is_dir() and (
        (root / "Annotations").is_dir() or (root / "SegmentationClass").is_dir()
    )


def _is_yolo(root: Path) -> bool:
    names = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml", "obj.data")
    return any((root / name).is_file() for name in names) and _any(root, "**/*.txt")


def _is_cvat(root: Path) -> bool:
    return any(
        (b"<annotations" in (head := _head(file)) and b"<version" in head and b"<image" in head)
        or (b"<annotations" in head and b"<meta" in head)
        for file in root.glob("*.xml")
    )


def _is_datumaro(root: Path) -> bool:
    return any(
        b'"dm_format_version"' in (head := _head(file))
        or (b'"infos"' in head and b'"categories"' in head)
        for file in root.glob("annotations/*.json")
    )


def _is_label_me(root: Path) -> bool:
    return any(
        b"<filename" in (head := _head(file)) and b"<folder" in head and b"<source" in head
        for file in _some(root, "**/*.xml")
    )


def _is_open_images(root: Path) -> bool:
    return _any(root, "annotations/*-annotations-bbox.csv") or _any(
        root, "annotations/*-images-with-rotation.csv"
    )


def _is_vott(root: Path) -> bool:
    return _any(root, "vott-json-export/*-export.json") or _any(root, "*-export.json")


def _any(root: Path, pattern: str) -> bool:
    return next(root.glob(pattern), None) is not None


def _some(root: Path, pattern: str) -> Iterator[Path]:
    for at, file in enumerate(root.glob(pattern)):
        if at >= 5:
            return
        yield file


def _head(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return re.sub(rb"\s+", b" ", opened.read(_HEAD))
    except OSError:
        return b""


_MARKS: tuple[tuple[str, Callable[[Path], bool], str], ...] = (
    ("voc", _is_voc, "ImageSets beside Annotations"),
    ("yolo", _is_yolo, "a table of classes beside labels in text files"),
    ("cvat", _is_cvat, "an XML file of CVAT's"),
    ("datumaro", _is_datumaro, "annotations of datumaro's own"),
    ("open_images", _is_open_images, "tables of boxes"),
    ("vott_json", _is_vott, "an export of VoTT's"),
    ("label_me", _is_label_me, "XML files beside the photos, as LabelMe writes them"),
)
"""Name of a format, what marks it, and in words."""
