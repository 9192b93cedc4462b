"""Photos in class folders, with masks in a parallel folder or a COCO file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rateval.api import Context
from rateval.modelkit import list_some
from rateval_datasets.layout import folders_in, images_in
from rateval_datasets.own.coco.beside import add_objects
from rateval_datasets.own.dataset import PhotoDataset, make_dataset
from rateval_datasets.own.mask_folder import add_masks
from rateval_datasets.own.params import FolderParams
from rateval_datasets.own.problems import problem
from rateval_datasets.own.rows import Photo
from rateval_datasets.own.splitting import SPLITS

NAME = "folder"
PHOTO_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".bmp", ".gif", ".tif", ".tiff"),
    *(".jp2", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".heic", ".heif"),
)
"""Endings of photos, in lower case; those that Pillow can't read here are skipped with a reason."""
_OF_SYSTEMS = frozenset({"__macosx", "$recycle.bin", "@eadir"})
"""Folders that systems leave, in lower case."""


def make_folder(params: FolderParams, context: Context) -> PhotoDataset:
    """Make the dataset. Raises RatevalError when the folders aren't as they should be."""
    root = _require_folder("root", params.root)
    photos = list_photos(root)
    notes: list[str] = []
    if params.groups is not None:
        photos = [_with_groups(photo, params.groups) for photo in photos]
    if params.masks is not None:
        folder = _require_folder("masks", params.masks)
        photos, notes = add_masks(NAME, photos, folder, params.mask_values)
    elif params.coco is not None:
        photos, notes = add_objects(NAME, photos, params.coco, crowds=params.crowds)
    return make_dataset(NAME, photos, params, notes)


def _require_folder(key: str, path: Path) -> Path:
    if not path.exists():
        raise problem(NAME, f"{key} = {path}: no such folder")
    if not path.is_dir():
        other = ", or a COCO file as coco" if key == "masks" and path.suffix == ".json" else ""
        raise problem(NAME, f"{key} = {path}: is a file; give the folder{other}")
    return path


def list_photos(root: Path) -> list[Photo]:
    """List the photos of a folder of class folders, or of folders of splits with such.

    Raises RatevalError where photos lie a level higher or lower.
    """
    if loose := photos_in(root):
        raise problem(
            NAME,
            f"root = {root}: photos such as {loose[0]} lie directly in it, without the folder of a "
            "class; give the folder above if this is a class, else sort them into folders",
        )
    tops = _visible_folders(root)
    if not tops:
        raise problem(NAME, f"root = {root}: holds no folder; each class needs one with its photos")
    split_tops = [name for name in tops if name.lower() in SPLITS]
    if split_tops and len(split_tops) == len(tops):
        found = [
            Photo(f"{top}/{label}/{name}", root / top / label / name, label, split=top)
            for top in tops
            for label, name in _of_classes(root / top)
        ]
    else:
        found = [
            Photo(f"{label}/{name}", root / label / name, label)
            for label, name in _of_classes(root)
        ]
    if not found:
        raise problem(
            NAME,
            f"root = {root}: no photo in its folders {list_some(tops)}; photos end in "
            f"{', '.join(PHOTO_SUFFIXES)}, in any case",
        )
    return found


def _of_classes(folder: Path) -> Iterator[tuple[str, str]]:
    for label in _visible_folders(folder):
        names = photos_in(folder / label)
        for name in names:
            yield label, name
        if not names:
            _require_no_deeper(folder, label)


def _require_no_deeper(folder: Path, label: str) -> None:
    for inner in _visible_folders(folder / label):
        if photos_in(folder / label / inner):
            raise problem(
                NAME,
                f"root: the photos below {folder / label} lie one level deeper, in {inner}; give "
                f"the folder that holds those of the classes, such as root = {folder / label}",
            )


def _visible_folders(folder: Path) -> list[str]:
    return [name for name in folders_in(folder) if name.lower() not in _OF_SYSTEMS]


def photos_in(folder: Path) -> list[str]:
    """Return the photos in a folder by their endings, sorted, without hidden ones."""
    inner = set(folders_in(folder))
    return [name for name in images_in(folder, PHOTO_SUFFIXES) if name not in inner]


def _with_groups(photo: Photo, pattern: str) -> Photo:
    expression = re.compile(pattern)
    found = expression.search(photo.id)
    values = dict.fromkeys(expression.groupindex) if found is None else found.groupdict()
    return replace(photo, groups=values)
