"""Photos in class folders, with masks in a parallel folder or a COCO file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rateval.api import Context
from rateval.modelkit import list_some
from rateval_datasets.layout import folders_in, images_in, printable
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
    masks = None if params.masks is None else _require_folder("masks", params.masks)
    if masks is not None and masks.samefile(root):
        raise problem(NAME, f"masks = {masks}: is root; put masks into a folder of their own")
    photos = list_photos(root, masks)
    notes: list[str] = []
    if params.groups is not None:
        photos = [_with_groups(photo, params.groups) for photo in photos]
    if masks is not None:
        photos, notes = add_masks(NAME, photos, masks, params.mask_values)
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


def list_photos(root: Path, masks: Path | None = None) -> list[Photo]:
    """List the photos of a folder of class folders, or of folders of splits with such.

    The folder of ``masks`` may lie among them. Raises RatevalError where photos lie a level higher
    or lower.
    """
    if loose := photos_in(root):
        raise problem(
            NAME,
            f"root = {root}: photos such as {loose[0]} lie directly in it, without the folder of a "
            "class; give the folder above if this is a class, else sort them into folders",
        )
    tops = [
        name for name in _visible_folders(root) if masks is None or not masks.samefile(root / name)
    ]
    if not tops:
        raise problem(NAME, f"root = {root}: holds no folder; each class needs one with its photos")
    if _are_splits(root, tops):
        found = [
            Photo(f"{top}/{label}/{name}", root / top / label / name, label, split=top)
            for top in tops
            for label, name in _of_classes(root / top, _visible_folders(root / top))
        ]
    else:
        found = [
            Photo(f"{label}/{name}", root / label / name, label)
            for label, name in _of_classes(root, tops)
        ]
    if not found and (deep := _first_photo(root, tops)):
        raise problem(
            NAME,
            f"root = {root}: photos such as {deep} lie deeper; give the folder that holds those of "
            "the classes, or those of the splits",
        )
    if not found:
        raise problem(
            NAME,
            f"root = {root}: no photo in its folders {list_some(tops)}; photos end in "
            f"{', '.join(PHOTO_SUFFIXES)}, in any case",
        )
    return found


def _are_splits(root: Path, tops: Sequence[str]) -> bool:
    """Return whether folders are those of splits. Raises RatevalError where only some are."""
    others = [name for name in tops if name.lower() not in SPLITS]
    named = [name for name in tops if name not in others]
    if not others or not named:
        return not others
    splits = [name for name in named if _with_photos(root / name)]
    classes = [name for name in others if photos_in(root / name)] if splits else []
    if classes:
        raise problem(
            NAME,
            f"root = {root}: holds folders of splits, {list_some(splits)}, beside those of classes,"
            f" {list_some(classes)}; put every class into the folder of a split, or none",
        )
    return False


def _of_classes(folder: Path, labels: Sequence[str]) -> Iterator[tuple[str, str]]:
    deeper = []
    for label in labels:
        names = photos_in(folder / label)
        for name in names:
            yield label, name
        if not names and (inner := _with_photos(folder / label)):
            deeper.append((label, inner[0]))
    if deeper:
        label, first = deeper[0]
        roots = list_some([str(folder / one) for one, _ in deeper])
        raise problem(
            NAME,
            f"root: the photos below {folder / label} lie one level deeper, in {first}; give the "
            f"folder that holds those of the classes: root = {roots}",
        )


def _first_photo(root: Path, tops: Sequence[str]) -> str | None:
    for place, folders, _ in (found for top in tops for found in os.walk(root / top)):
        folders.sort()
        if names := photos_in(Path(place)):
            return (Path(place) / names[0]).relative_to(root).as_posix()
    return None


def _with_photos(folder: Path) -> list[str]:
    return [name for name in _visible_folders(folder) if photos_in(folder / name)]


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
    shown = {name: None if text is None else printable(text) for name, text in values.items()}
    return replace(photo, groups=shown)
