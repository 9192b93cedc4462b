"""Photos that a table lists, with evidence in its columns or in a COCO file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rateval.api import Context
from rateval.modelkit import list_some
from rateval_datasets.own.coco.beside import add_objects
from rateval_datasets.own.dataset import PhotoDataset, make_dataset
from rateval_datasets.own.problems import problem
from rateval_datasets.own.rows import Photo
from rateval_datasets.own.tables.columns import Columns
from rateval_datasets.own.tables.params import TableParams
from rateval_datasets.own.tables.photos import NAME, list_photos

EVIDENCE = ("mask", "polygons", "boxes")
"""Params of columns that hold evidence."""


def make_table(params: TableParams, context: Context) -> PhotoDataset:
    """Make the dataset. Raises RatevalError when the table isn't as it should be."""
    photos, columns, root = list_photos(params)
    notes = columns.notes
    if params.coco is not None:
        photos, more = _add_coco(photos, columns, root, params.coco, crowds=params.crowds)
        notes = [*notes, *more]
    return make_dataset(NAME, photos, params, notes, asks=params.task == "vqa")


def _add_coco(
    photos: Sequence[Photo],
    columns: Columns,
    root: Path,
    coco: Path,
    *,
    crowds: bool,
) -> tuple[list[Photo], list[str]]:
    """Give each photo the objects of its label in the image that has its path below ``root``.

    Returns the photos, and what a person should look at. Raises RatevalError where columns hold
    evidence, too, and where no image or no category fits.
    """
    taken = [key for key in EVIDENCE if getattr(columns, key) is not None]
    if taken:
        left_out = ", ".join(f"{key} = false" for key in taken)
        raise problem(
            NAME,
            f"coco = {coco}: the table has evidence of its own, as {list_some(taken)}; leave coco "
            f"out, or set {left_out}",
        )
    # A photo's id may be another column's: objects belong to it by its path.
    able = [at for at, photo in enumerate(photos) if photo.fault is None]
    by_path = [replace(photos[at], id=_path_below(photos[at], root)) for at in able]
    found, notes = add_objects(NAME, by_path, coco, crowds=crowds)
    made = list(photos)
    for at, photo in zip(able, found, strict=True):
        made[at] = replace(photo, id=photos[at].id)
    return made, notes


def _path_below(photo: Photo, root: Path) -> str:
    path = photo.source
    if not isinstance(path, Path):
        return photo.id
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
