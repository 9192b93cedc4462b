"""YOLO's annotations with boxes and outlines, as a format of datumaro's.

datumaro's own reader takes boxes alone and leaves out files that begin with an outline.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from datumaro.components.annotation import (
    Annotation,
    AnnotationType,
    Bbox,
    LabelCategories,
    Polygon,
)
from datumaro.components.dataset_base import DatasetItem, SubsetBase
from datumaro.components.errors import DatasetImportError, InvalidAnnotationError
from datumaro.components.importer import Importer
from datumaro.components.media import Image
from datumaro.components.merge.extractor_merger import ExtractorMerger
from datumaro.plugins.data_formats.yolo.importer import YoloImporter
from datumaro.util.image import find_images

from rateval_datasets.layout import read_file
from rateval_datasets.own.splitting import SPLITS

READER = "yolo_outlines"
"""Name of the reader among datumaro's."""
_TABLES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
"""Files that name the classes."""
_FARTHEST = 2
"""Share of a side beyond which no tool puts a corner, though some put it a little outside."""
_LARGEST_FILE = 1 << 24
"""Bytes that a file of annotations may have."""


class OutlineImporter(Importer):  # type: ignore[misc]  # datumaro is untyped
    """Finds annotations in the folders of Ultralytics and Roboflow, else what datumaro finds."""

    NAME = "yolo"

    @classmethod
    def detect(cls, context: Any) -> Any:
        """Return how sure it is that a folder holds YOLO's annotations; None is "fairly"."""
        root = Path(context.root_path)
        if _table(root) is None:
            return YoloImporter.detect(context)
        if not _annotations(root):
            context.fail("there is no labels/**/*.txt")
        return None

    @classmethod
    def find_sources(cls, path: str) -> list[dict[str, Any]]:
        """Return one source for each split."""
        root = Path(path)
        table = _table(root)
        if table is None:
            return list(YoloImporter.find_sources(path))
        splits: dict[str, list[str]] = defaultdict(list)
        for file in _annotations(root):
            splits[_split_of(file.relative_to(root))].append(str(file))
        return [
            {"url": str(table), "format": READER, "options": {"subset": split, "files": files}}
            for split, files in splits.items()
        ]

    def get_extractor_merger(self) -> Any:
        """Return what joins the splits."""
        return ExtractorMerger

    @classmethod
    def get_file_extensions(cls) -> list[str]:
        """Return the ending of annotations."""
        return [".txt"]


class OutlineReader(SubsetBase):  # type: ignore[misc]  # datumaro is untyped
    """The annotations of one split: a line is a box of four numbers, or an outline of more."""

    def __init__(self, url: str, *, files: Sequence[str], subset: str, ctx: Any = None) -> None:
        super().__init__(subset=subset or None, ctx=ctx)
        self._root = Path(url).parent
        self._files = [Path(file) for file in files]
        self._names = _read_names(Path(url))
        self._categories = {AnnotationType.label: LabelCategories.from_iterable(self._names)}

    def __iter__(self) -> Iterator[DatasetItem]:
        images = self._images()
        for file in self._files:
            name = _name_of(file.relative_to(self._root))
            try:
                if name not in images:
                    raise FileNotFoundError("there is no image for its annotations")
                # Of this size shares of an image are its pixels.
                media = Image.from_file(path=images[name], size=(1, 1))
                found = _read_annotations(file, len(self._names))
                yield DatasetItem(id=name, subset=self._subset, media=media, annotations=found)
            except Exception as error:  # datumaro's policy says whether it goes on
                self._ctx.error_policy.report_item_error(error, item_id=(name, self._subset))

    def __len__(self) -> int:
        return len(self._files)

    def _images(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in sorted(find_images(str(self._root), recursive=True)):
            name = _name_of(Path(path).relative_to(self._root))
            if name in found:
                raise DatasetImportError(f"{found[name]} and {path} would share their annotations")
            found[name] = path
        return found


def _table(root: Path) -> Path | None:
    return next((root / name for name in _TABLES if (root / name).is_file()), None)


def _annotations(root: Path) -> list[Path]:
    """Return all text files below a folder called labels, sorted."""
    return sorted(
        path for path in root.glob("**/*.txt") if "labels" in path.relative_to(root).parts[:-1]
    )


def _name_of(path: Path) -> str:
    """Return what the path of a photo and that of its annotations have in common.

    >>> _name_of(Path("train/images/kettle/a.jpg")), _name_of(Path("labels/train/a.txt"))
    ('train/kettle/a', 'train/a')
    """
    *folders, _ = path.parts
    for side in ("labels", "images"):
        if side in folders:
            folders.reverse()
            folders.remove(side)  # the last one, as Ultralytics has it
            folders.reverse()
            break
    # macOS writes an umlaut as two characters, others as one.
    return unicodedata.normalize("NFC", "/".join([*folders, path.stem]))


def _split_of(path: Path) -> str:
    return next((part for part in path.parts[:-1] if part.lower() in SPLITS), "")


def _read_names(table: Path) -> list[str]:
    said = yaml.safe_load(read_file(table, _LARGEST_FILE).decode("utf-8-sig"))
    names = said.get("names") if isinstance(said, dict) else None
    if isinstance(names, dict):
        if sorted(names) != list(range(len(names))):
            raise DatasetImportError(f"names in {table.name} don't number the classes from 0")
        names = [names[at] for at in range(len(names))]
    if not isinstance(names, list) or not names:
        raise DatasetImportError(f"{table.name} has no list of names")
    # As text, a list that refers to lists that refer to lists could fill any memory.
    if not all(isinstance(name, str | int | float) for name in names):
        raise DatasetImportError(f"names in {table.name} must be text")
    return [str(name) for name in names]


def _read_annotations(file: Path, classes: int) -> list[Annotation]:
    text = read_file(file, _LARGEST_FILE).decode("utf-8-sig")
    lines = [(at, line.split()) for at, line in enumerate(text.splitlines(), 1) if line.strip()]
    return [_read_line(words, classes, f"{file.name}:{at}") for at, words in lines]


def _read_line(words: list[str], classes: int, where: str) -> Annotation:
    try:
        label, numbers = int(words[0]), [float(word) for word in words[1:]]
    except ValueError as error:
        raise InvalidAnnotationError(f"{where}: {error}") from error
    if not 0 <= label < classes:
        raise InvalidAnnotationError(f"{where}: there is no class {label}, only 0 to {classes - 1}")
    if any(abs(number) > _FARTHEST for number in numbers):
        raise InvalidAnnotationError(
            f"{where}: numbers are shares of the photo's sides, not pixels"
        )
    if len(numbers) == 4:
        x, y, width, height = numbers
        left, top = x - width / 2, y - height / 2
        box = Bbox(left, top, width, height, label=label)
        return _exactly(box, [left, top, left + width, top + height])
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        return _exactly(Polygon(numbers, label=label), numbers)
    raise InvalidAnnotationError(
        f"{where}: {len(numbers)} numbers after the class; a box has 4, an outline pairs of them"
    )


def _exactly(shape: Any, points: list[float]) -> Annotation:
    """Give a shape its points once more: datumaro rounds to hundredths, and these are shares."""
    shape.points = points
    return shape
