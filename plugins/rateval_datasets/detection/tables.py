"""Tables of photos, with their columns by name, else by what is in them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rateval.api import RatevalError
from rateval.modelkit import Clues, Guess, list_some
from rateval_datasets.detection.coco import is_json
from rateval_datasets.detection.places import find_root, folders_below
from rateval_datasets.detection.splits import find_division
from rateval_datasets.own.folder import PHOTO_SUFFIXES, list_photos
from rateval_datasets.own.formats.shapes import Outline
from rateval_datasets.own.problems import problem
from rateval_datasets.own.splitting import SPLITS
from rateval_datasets.own.tables.cells import boxes_in, outlines_in, text_of
from rateval_datasets.own.tables.photos import NAME
from rateval_datasets.own.tables.reading import SUFFIXES, Table, read_table

_IMAGE = re.compile(
    r"(image|img|photo|picture|file)s?([ _-]?(path|file|name))*|(file)?path", re.IGNORECASE
)
_LABEL = re.compile(r"(label|class|category|target|species)([ _-]?name)?s?", re.IGNORECASE)
_QUESTION = re.compile(r"questions?|query|queries", re.IGNORECASE)
_ANSWERS = re.compile(r"answers?", re.IGNORECASE)
_SPLIT = re.compile(r"split|subset|partition|set|fold", re.IGNORECASE)
_MASK = re.compile(r"mask|segment", re.IGNORECASE)
_LOOKED_AT = 50
"""Cells of a column that tell what it is."""


def detect_table(clues: Clues) -> Guess | None:
    """Return a table, or the only one beside the photos of a folder.

    Raises RatevalError when it has no photos or labels, and when its photos are nowhere.
    """
    data, masks = clues.data, clues.masks
    if data is None:
        return None
    if data.is_dir():
        return None if masks is not None else _in_folder(data, clues)
    if data.suffix.lower() not in SUFFIXES:
        return None
    if masks is not None and not is_json(masks):
        raise problem(
            NAME,
            f"masks = {masks}: a table names the mask of each photo in a column, mask; give the "
            "table alone, or a COCO file, annotations.json, as masks",
        )
    return _guess(read_table(NAME, "file", data), clues, 3)


def _in_folder(folder: Path, clues: Clues) -> Guess | None:
    files = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    files = sorted(path for path in files if not path.name.startswith(".") and path.is_file())
    if not files:
        return None
    if len(files) > 1:
        raise problem(
            NAME,
            f"{folder}: holds several tables, {list_some(path.name for path in files)}; give the "
            f"one that lists the photos, such as --data {files[0]}",
        )
    table = read_table(NAME, "file", files[0])
    return _guess(table, clues, 2, _labels_by_folders(folder))


def _labels_by_folders(folder: Path) -> set[str]:
    with suppress(RatevalError):
        return {photo.label for photo in list_photos(folder) if photo.label is not None}
    return set()


def _guess(table: Table, clues: Clues, sure: int, others: Collection[str] = ()) -> Guess:
    """Return what is in a table; ``others`` are the labels that class folders say."""
    columns = _Columns(table)
    paths = columns.texts(columns.image)
    there = [path for path in paths if path is not None]
    root = find_root(there, folders_below(table.path.parent))
    if root is None:
        such = f", such as {there[0]}" if there else ""
        raise problem(
            NAME,
            f"file = {table.path}: none of its {len(there)} photos is there{such}; looked below "
            f"{table.path.parent}: paths in the column {columns.image} begin at the table's folder "
            "or at one in it",
        )
    params: dict[str, Any] = {"file": str(table.path)}
    params |= {} if root == table.path.parent else {"root": str(root)}
    params |= columns.params()
    shapes, questions = _shapes(table)
    if clues.masks is not None and columns.question is not None:
        raise problem(
            NAME,
            f"masks = {clues.masks}: a COCO file says what stands in a photo, not what an answer "
            "needs; name the mask of each question in a column, mask, or leave the masks out",
        )
    if clues.masks is not None:
        params.pop("mask", None)
        shapes, questions = _leave_to(clues.masks, columns.mask, table)
    splits = [None] * len(table) if columns.split is None else columns.texts(columns.split)
    ids = columns.texts("id") if "id" in table.columns else paths
    named = [name for name in ids if name is not None]
    division = find_division(named, splits, [table.path.parent, root], clues)
    labels = {label for label in columns.texts(columns.label) if label is not None}
    why = f"{len(table)} rows of {table.path.name}, the photos in its column {columns.image}, "
    if columns.question is None:
        why += f"{len(labels)} labels in {columns.label}"
    else:
        why += f"questions in {columns.question} and their answers in {columns.label}"
        labelled = [name for name in table.columns if _LABEL.fullmatch(name)]
        if labelled:
            columns.questions.append(
                "what is predicted: taken to be answers to questions; it is the labels in "
                f"{labelled[0]} where question is left out"
            )
    if len(others) > 1:  # class folders are read as such, and a table that says the same is silent
        sure = 0 if labels == others else 1
    unknown = (*columns.questions, *questions, *division.unknown)
    params = {**params, **shapes, **division.params}
    return Guess(why, params, sure, unknown, division.fill)


def _leave_to(coco: Path, mask: str | None, table: Table) -> tuple[dict[str, Any], list[str]]:
    """Return the params that leave evidence to a COCO file, and what is asked of a table's own."""
    own = {"mask": mask} if mask is not None else {}
    for key, names in (("polygons", ("polygons", "polygon")), ("boxes", ("boxes", "box"))):
        if there := [name for name in names if name in table.columns]:
            own[key] = there[0]
    params = {"coco": str(coco), **dict.fromkeys(own, False)}
    if not own:
        return params, []
    columns = list_some(own.values())
    return params, [
        f"which evidence counts: that of {coco.name} is taken, and not that of {columns} in the "
        "table; for the latter leave coco out"
    ]


class _Columns:
    """Which column of a table is what. Raises RatevalError where there are no photos or labels."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.questions: list[str] = []
        pictures = [name for name in table.columns if self._holds_paths(name)]
        masks = [name for name in pictures if _MASK.search(name)]
        photos = [name for name in pictures if name not in masks]
        photos.sort(key=lambda name: _IMAGE.fullmatch(name) is None)  # stable
        labels = [name for name in table.columns if _LABEL.fullmatch(name)]
        self.image = self._first("image", photos, "a column of the photos' paths")
        asked = [name for name in table.columns if _QUESTION.fullmatch(name)]
        answers = [name for name in table.columns if _ANSWERS.fullmatch(name)]
        posed = asked and (answers or not labels)
        self.question = self._first("question", asked) if posed else None
        if posed:
            needed = "beside the questions, a column of answers"
            self.label = self._first("answers", answers, needed)
        else:
            self.label = self._first("label", labels, "a column of labels")
        self.mask = self._first("mask", masks) if masks else None
        self.split = next(iter(self._splits()), None)

    def texts(self, name: str) -> list[str | None]:
        """Return a column's cells as text, paths with forward slashes."""
        cells = [text_of(value) for value in self._table.columns[name]]
        return [None if cell is None else cell.replace("\\", "/") for cell in cells]

    def params(self) -> dict[str, Any]:
        """Return the params of those columns that are called otherwise than is usual."""
        own = "label" if self.question is None else "answers"
        taken = {"image": self.image, own: self.label, "mask": self.mask}
        params = {key: name for key, name in taken.items() if name not in (None, key)}
        params |= {} if self.question is None else {"question": self.question}
        return params | ({"split_column": self.split} if self.split not in (None, "split") else {})

    def _first(self, usual: str, names: Sequence[str], needed: str = "") -> str:
        """Return the column of the usual name, else the first that may be it."""
        if usual in self._table.columns:
            return usual
        if not names:
            columns = self._table.columns
            raise problem(
                NAME,
                f"file = {self._table.path}: {needed} is needed; there are {list_some(columns)}; "
                f"call it {usual}",
            )
        if len(names) > 1:
            what = f"{usual.removesuffix('s')}s"
            self.questions.append(
                f"the column of the {what}: {list_some(names)}; the first is taken"
            )
        return names[0]

    def _some(self, name: str) -> list[str]:
        cells = self._table.columns[name]
        some = [value for value in cells if isinstance(value, str) and value.strip()]
        return [value.strip() for value in some[:: max(1, -(-len(some) // _LOOKED_AT))]]

    def _holds_paths(self, name: str) -> bool:
        some = self._some(name)
        return bool(some) and all(cell.lower().endswith(PHOTO_SUFFIXES) for cell in some)

    def _splits(self) -> Iterator[str]:
        if "split" in self._table.columns:
            yield "split"
        for name in self._table.columns:
            some = self._some(name)
            if _SPLIT.fullmatch(name) and some and all(cell.lower() in SPLITS for cell in some):
                yield name


def _shapes(table: Table) -> tuple[dict[str, Any], list[str]]:
    """Return how boxes and outlines are written, and what is asked.

    Cells that hold none are left to the reader, which says their line.
    """
    boxes = [cell for name in ("boxes", "box") for cell in table.columns.get(name, ())]
    cells = [cell for name in ("polygons", "polygon") for cell in table.columns.get(name, ())]
    corners = _boxes(boxes, "xyxy")
    params: dict[str, Any] = {}
    questions = []
    if boxes and corners is None and _boxes(boxes, "xywh"):
        params["box_format"] = "xywh"
        questions.append(
            "how boxes are written: not all can be two corners, so that they are taken for left, "
            'top, width and height; box_format = "cxcywh" if the first two are the centre'
        )
    elif corners:
        questions.append(
            "how boxes are written: taken for left, top, right and bottom; box_format says "
            'otherwise, "xywh" or "cxcywh"'
        )
    drawn = corners or _boxes(boxes, "xywh") or []
    with suppress(ValueError):
        drawn = [*drawn, *(one for cell in cells for one in outlines_in(cell))]
    # A box of shares may reach over the edge by a rounding, one of pixels isn't as small.
    if drawn and max(np.abs(one.points).max() for one in drawn) <= 2:
        params["box_unit"] = "shares"
    return params, questions


def _boxes(cells: Sequence[Any], form: Literal["xyxy", "xywh"]) -> list[Outline] | None:
    try:
        return [one for cell in cells for one in boxes_in(cell, form)]
    except ValueError:
        return None
