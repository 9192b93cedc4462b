"""The rows of a table as photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from rateval.api.tasks.texts import Asked
from rateval.modelkit import RemoteFile, explain_url, is_remote
from rateval_datasets.own.evidence import Evidence, MaskImage
from rateval_datasets.own.formats.shapes import Annotated, Outline
from rateval_datasets.own.photo import Source
from rateval_datasets.own.problems import problem
from rateval_datasets.own.rows import Photo
from rateval_datasets.own.splitting import SPLITS
from rateval_datasets.own.tables.cells import answers_in, boxes_in, outlines_in, text_of, word_of
from rateval_datasets.own.tables.columns import Columns, find_columns
from rateval_datasets.own.tables.params import TableParams
from rateval_datasets.own.tables.questions import (
    group_questions,
    labels_of,
    note_questions,
    number_questions,
    pose,
    question_of,
)
from rateval_datasets.own.tables.reading import Table, read_table

NAME = "table"
_SHOWN = 3
"""Rows at fault that a message names."""
T = TypeVar("T")


def list_photos(params: TableParams) -> tuple[list[Photo], Columns, Path]:
    """Return the photos of a table, its columns, and the folder where paths begin.

    Raises RatevalError when the table isn't as it should be.
    """
    table = read_table(NAME, "file", params.file)
    columns = find_columns(NAME, table, params)
    root = params.file.parent if params.root is None else params.root
    if not root.is_dir():
        what = "is a file; give its folder" if root.is_file() else "no such folder"
        raise problem(NAME, f"root = {root}: {what}")
    root = root.absolute()
    photos = _Rows(table, columns, params, root).photos()
    files = [photo for photo in photos if photo.fault is None]
    here = all(isinstance(photo.source, Path) for photo in files)
    if files and here and all(photo.bytes < 0 for photo in files):
        raise problem(
            NAME,
            f"{table.path}: none of its {len(files)} photos is there, such as {files[0].source}; "
            "give the folder where the paths begin as root",
        )
    return photos, columns, root


class _Rows:
    """The rows of a table as photos."""

    def __init__(self, table: Table, columns: Columns, params: TableParams, root: Path) -> None:
        self._table, self._columns, self._params, self._root = table, columns, params, root
        self._faults: list[str] = []

    def photos(self) -> list[Photo]:
        """Return a photo for each row. Raises RatevalError when rows are at fault."""
        columns = self._columns
        paths = self._read("image", columns.image, _path_of)
        asked = self._asked()
        asks = columns.question is not None
        labels = labels_of(asked) if asks else self._read("label", columns.label, word_of)
        splits = self._read("split_column", columns.split, self._split_of)
        own = number_questions(paths) if asks else paths
        ids = own if columns.id is None else self._read("id", columns.id, _require_word)
        captions = self._read("caption", columns.caption, text_of)
        evidence = self._evidence()
        self._require_ids(ids)
        self._refuse()
        groups = group_questions(columns.groups, paths) if asks else columns.groups
        if asks:
            columns.notes.extend(note_questions(asked, evidence, columns.groups))
        return [
            Photo(
                ids[at] or f"{self._table.path.name}:{self._table.numbers[at]}",
                self._source_of(paths[at] or ""),
                labels[at],
                evidence[at],
                splits[at],
                {name: values[at] for name, values in groups.items()},
                captions[at],
                self._fault_of(at, paths[at], labels[at]),
                asked[at],
            )
            for at in range(len(self._table))
        ]

    def _asked(self) -> list[Asked | None]:
        columns = self._columns
        questions = self._read("question", columns.question, question_of)
        return pose(questions, self._read("answers", columns.answers, answers_in))

    def _fault_of(self, at: int, path: str | None, label: str | None) -> str | None:
        """Return why a row is left out: what it lacks, or an image that is elsewhere."""
        if path is not None and "://" in path and not is_remote(path):
            return f"the image is at {path:.100}, not on this computer's disk"
        if path is None:
            return "no image"
        if label is not None:
            return None
        questions = self._columns.question
        if questions is None:
            return "no label"
        return "no question" if question_of(questions[at]) is None else "no answer"

    def _source_of(self, path: str) -> Source:
        return RemoteFile(path) if is_remote(path) else self._root / path

    def _read(
        self, key: str, values: Sequence[Any] | None, read: Callable[[Any], T | None]
    ) -> list[T | None]:
        """Read each cell of a column, and remember where that failed."""
        if values is None:
            return [None] * len(self._table)
        found: list[T | None] = []
        for at, value in enumerate(values):
            try:
                found.append(read(value))
            except ValueError as error:
                found.append(None)
                self._faults.append(f"{self._table.place(at)}: {key}: {error}")
        return found

    def _split_of(self, value: Any) -> str | None:
        name, params = word_of(value), self._params
        chosen = params.test_split is not None or params.train_split is not None
        if name is None or name.lower() in SPLITS or chosen:
            return name
        raise ValueError(
            f'"{name}" is none of "train", "val", "test"; mend it, or name a split by test_split'
        )

    def _evidence(self) -> list[Evidence | None]:
        """Return the evidence of each row: its mask, else its outlines, else its boxes."""
        columns, params = self._columns, self._params
        masks = self._read("mask", columns.mask, self._mask_of)
        outlines = self._read("polygons", columns.polygons, outlines_in)
        boxes = self._read("boxes", columns.boxes, lambda cell: boxes_in(cell, params.box_format))
        self._require_unit([*outlines, *boxes])
        shares = params.box_unit == "shares"
        drawn = [one or other for one, other in zip(outlines, boxes, strict=True)]
        return [
            mask or (Annotated(shapes, None, shares) if shapes else None)
            for mask, shapes in zip(masks, drawn, strict=True)
        ]

    def _mask_of(self, value: Any) -> MaskImage | None:
        path = _path_of(value)
        if path is None:
            return None
        if path.lower().endswith((".jpg", ".jpeg")):
            raise ValueError(
                f"{path}: JPEG doesn't keep the numbers that were stored; save masks as PNG"
            )
        return MaskImage(self._source_of(path), self._params.mask_values, path)

    def _require_unit(self, cells: Sequence[Sequence[Outline] | None]) -> None:
        """Require that numbers are in the unit that the params say, so far as one can tell."""
        tops = [np.abs(one.points).max() for cell in cells for one in cell or ()]
        if not tops:
            return
        unit, largest = self._params.box_unit, max(tops)
        if unit == "shares" and largest > 2:
            other, what = "pixels", f"such as {largest:g}"
        elif unit == "pixels" and largest <= 1:
            other, what = "shares", "all between 0 and 1"
        else:
            return
        raise problem(
            NAME,
            f'{self._table.path}: box_unit = "{unit}", but boxes and outlines have numbers {what}; '
            f'set box_unit = "{other}"',
        )

    def _require_ids(self, ids: Sequence[str | None]) -> None:
        first: dict[str, int] = {}
        for at, name in enumerate(ids):
            if name is not None and first.setdefault(name, at) != at:
                place = self._table.place(first[name])
                self._faults.append(
                    f"{self._table.place(at)}: the id {name} is that of {place}, too; each photo "
                    "has one row, and its boxes or outlines one cell"
                )

    def _refuse(self) -> None:
        if not self._faults:
            return
        rest = len(self._faults) - _SHOWN
        more = f"; and {rest} more" if rest > 0 else ""
        raise problem(NAME, "; ".join(self._faults[:_SHOWN]) + more)


def _path_of(value: Any) -> str | None:
    if isinstance(value, bytes | dict):
        raise ValueError('must be a path; use = "huggingface" reads images that a table holds')
    path = word_of(value)
    if path is not None and is_remote(path):
        if why := explain_url(path):
            raise ValueError(f"{path}: {why}")
        return path
    return None if path is None else path.replace("\\", "/").removeprefix("./")


def _require_word(value: Any) -> str:
    if (found := word_of(value)) is None:
        raise ValueError("is empty; each photo needs an id")
    return found
