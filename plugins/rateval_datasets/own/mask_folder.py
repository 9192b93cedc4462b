"""Masks that lie in a folder as the photos do in theirs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from rateval.modelkit import list_some
from rateval_datasets.own.evidence import LOSSLESS, MaskImage
from rateval_datasets.own.problems import problem
from rateval_datasets.own.rows import Photo


def add_masks(
    component: str, photos: Sequence[Photo], folder: Path, values: Sequence[int] | None
) -> tuple[list[Photo], list[str]]:
    """Give each photo the mask that has its place and its name, with or without its ending.

    Returns the photos, and what a person should look at. Raises RatevalError when no mask fits.
    """
    masks = _list_masks(component, folder)
    by_stem = {_stem(path): path for path in masks}
    named = Counter(_stem(place) for photo in photos for place in places_of(photo))
    made, used = [], set[str]()
    for photo in photos:
        stem, shared = _find(photo, by_stem, named)
        if stem is None:
            made.append(photo)
            continue
        path = by_stem[stem]
        used.add(path)
        if shared:
            why = f"two photos may have the mask {path}: name it {photo.id}.png, or rename a photo"
            made.append(replace(photo, fault=why))
        else:
            chosen = None if values is None else tuple(values)
            made.append(replace(photo, evidence=MaskImage(folder / path, chosen, path)))
    spare = sorted(masks - used)
    if not used:
        there = f"there are {list_some(spare)}" if spare else "there is no mask in it"
        raise problem(
            component,
            f"masks = {folder}: no mask belongs to a photo; that of {photos[0].id} would be "
            f"{_stem(photos[0].id)}.png, and {there}",
        )
    return made, [f"{len(spare)} masks belong to no photo: {list_some(spare)}"] if spare else []


def _find(photo: Photo, by_stem: dict[str, str], named: Counter[str]) -> tuple[str | None, bool]:
    """Return the stem of a photo's mask, and whether it may be another photo's, too."""
    for place in places_of(photo):
        if place in by_stem:  # a.jpg.png of a.jpg
            return place, False
        if (stem := _stem(place)) in by_stem:
            return stem, named[stem] > 1
    return None, False


def places_of(photo: Photo) -> Iterator[str]:
    """Yield a photo's path with the folder of its split, and without it."""
    yield photo.id
    if photo.split is not None and photo.id.startswith(f"{photo.split}/"):
        yield photo.id.removeprefix(f"{photo.split}/")


def _stem(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))


def _list_masks(component: str, folder: Path) -> set[str]:
    """Return the paths of all masks below a folder, with forward slashes."""
    names = set(_files_below(folder))
    masks = {name for name in names if name.lower().endswith(LOSSLESS)}
    lossy = sorted(name for name in names if name.lower().endswith((".jpg", ".jpeg")))
    if lossy and not masks:
        raise problem(
            component,
            f"masks = {folder}: holds JPEG files such as {lossy[0]}, which don't keep the numbers "
            "that were stored; save masks as PNG",
        )
    return masks


def _files_below(folder: Path) -> Iterator[str]:
    for top, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(top).relative_to(folder)
        yield from ((below / name).as_posix() for name in files if not name.startswith("."))
