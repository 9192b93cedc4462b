"""Masks that lie in a folder as the photos do in theirs."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from rateval.modelkit import list_some
from rateval_datasets.layout import folders_in, names_in
from rateval_datasets.own.evidence import LOSSLESS, MaskImage
from rateval_datasets.own.params import LOSSY
from rateval_datasets.own.problems import problem
from rateval_datasets.own.rows import Photo


def add_masks(
    component: str, photos: Sequence[Photo], folder: Path, values: Sequence[int] | None
) -> tuple[list[Photo], list[str]]:
    """Give each photo the mask that has its place and its name, with or without its ending.

    Returns the photos, and what a person should look at. Raises RatevalError when no mask fits.
    """
    masks = _list_masks(component, folder)
    by_stem: dict[str, list[str]] = defaultdict(list)
    for path in masks:
        by_stem[_stem(path)].append(path)
    named = Counter(_stem(place) for photo in photos for place in places_of(photo))
    made, used = [], set[str]()
    for photo in photos:
        stem = _find(photo, by_stem)
        if stem is None:
            made.append(photo)
            continue
        paths = by_stem[stem]
        used.update(paths)
        fault = _explain(photo, stem, paths, named)
        if fault is None:
            chosen = None if values is None else tuple(values)
            made.append(replace(photo, evidence=MaskImage(folder / paths[0], chosen, paths[0])))
        else:
            made.append(replace(photo, fault=fault))
    spare = [path for path in masks if path not in used]
    if not used:
        there = f"there are {list_some(spare)}" if spare else "there is no mask in it"
        raise problem(
            component,
            f"masks = {folder}: no mask belongs to a photo; that of {photos[0].id} would be "
            f"{PurePosixPath(photos[0].id).with_suffix('.png')}, and {there}",
        )
    return made, [f"{len(spare)} masks belong to no photo: {list_some(spare)}"] if spare else []


def _find(photo: Photo, by_stem: Mapping[str, Sequence[str]]) -> str | None:
    """Return the stem of a photo's mask: of a.jpg that of a.jpg.png, else that of a.png."""
    for place in places_of(photo):
        for stem in (_composed(place), _stem(place)):
            if stem in by_stem:
                return stem
    return None


def _explain(photo: Photo, stem: str, paths: Sequence[str], named: Counter[str]) -> str | None:
    """Return why masks may not be taken as this photo's; None where it is one, and its alone."""
    if len(paths) > 1:
        return f"two masks may be its: {list_some(paths)}; take one away"
    if named[stem] > 1:
        return f"two photos may have the mask {paths[0]}: name it {photo.id}.png, or rename a photo"
    if paths[0].lower().endswith(LOSSY):
        return f"its mask {paths[0]} is a JPEG, which keeps no exact numbers; save it as PNG"
    return None


def places_of(photo: Photo) -> Iterator[str]:
    """Yield a photo's path with the folder of its split, and without it."""
    yield photo.id
    if photo.split is not None and photo.id.startswith(f"{photo.split}/"):
        yield photo.id.removeprefix(f"{photo.split}/")


def _stem(path: str) -> str:
    return _composed(str(PurePosixPath(path).with_suffix("")))


def _composed(path: str) -> str:
    """Return a path as it is compared: macOS writes an umlaut as two characters, others as one."""
    return unicodedata.normalize("NFC", path)


def _list_masks(component: str, folder: Path) -> list[str]:
    """Return the paths of all masks below a folder, with forward slashes, sorted; JPEGs, too."""
    names = sorted(_files_below(folder))
    masks = [name for name in names if name.lower().endswith((*LOSSLESS, *LOSSY))]
    if masks and all(name.lower().endswith(LOSSY) for name in masks):
        raise problem(
            component,
            f"masks = {folder}: holds JPEG files such as {masks[0]}, which don't keep the numbers "
            "that were stored; save masks as PNG",
        )
    return masks


def _files_below(
    folder: Path, below: str = "", above: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Yield all files, also behind links to folders, as those of photos are followed, too."""
    real = os.path.realpath(folder)
    if real in above:  # a link in a circle
        return
    inner = folders_in(folder)
    files = names_in(folder).difference(inner)
    yield from (f"{below}{name}" for name in files if not name.startswith("."))
    for name in inner:
        yield from _files_below(folder / name, f"{below}{name}/", above | {real})
