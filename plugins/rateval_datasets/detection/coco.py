"""COCO files of instances, alone, beside photos, or one for each split."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from rateval.modelkit import Clues, Guess, list_some
from rateval_datasets.detection.places import find_root, folders_below
from rateval_datasets.detection.splits import find_division
from rateval_datasets.own.classes import label_of_objects
from rateval_datasets.own.coco.dataset import NAME
from rateval_datasets.own.coco.reading import CocoImage, Instances, read_instances
from rateval_datasets.own.folder import photos_in
from rateval_datasets.own.problems import problem
from rateval_datasets.own.splitting import SPLITS, usual_name

_INSTANCES = "instances_"
_ROBOFLOW = "_annotations.coco.json"


@dataclass(frozen=True, slots=True)
class _Part:
    """One file with the folder of its photos."""

    name: str
    """What its path calls it, perhaps by its split, such as ``train2017``."""
    found: Instances
    root: Path

    @property
    def split(self) -> str:
        """The split without a year."""
        return _split_of(self.name)


def _split_of(name: str) -> str:
    """Return the split that a file's name means.

    >>> _split_of("train2017"), _split_of("valid"), _split_of("v2")
    ('train', 'val', 'v2')
    """
    plain = name.rstrip("0123456789_-")
    return usual_name(plain if plain.lower() in SPLITS else name)


def is_json(path: Path) -> bool:
    """Return whether a path is a file that is called as JSON."""
    return path.suffix.lower() == ".json" and path.is_file()


def detect_coco(clues: Clues) -> Guess | None:
    """Return COCO files with the folders of their photos.

    Raises RatevalError when a file is none of COCO's, and when its photos are nowhere.
    """
    data, masks = clues.data, clues.masks
    if data is None:
        return None
    if masks is None:
        files, sure = ([_named(data)], 3) if is_json(data) else _files_in(data)
        bases = [data] if data.is_dir() else []
    else:
        # Class folders know more of their photos, so that their reader is surer.
        files = [_named(masks)] if is_json(masks) else _files_in(masks)[0]
        sure, bases = 1, [data] if data.is_dir() else []
        if not bases:
            return None
    if not files:
        return None
    parts, notes = _find_parts(files, bases, beside=masks is None)
    return _guess(parts, notes, clues, sure)


def _named(path: Path) -> tuple[str, Path]:
    return path.stem.removeprefix(_INSTANCES), path


def _files_in(folder: Path) -> tuple[list[tuple[str, Path]], int]:
    """Return the COCO files of a folder, each with what it calls its split, and how sure they are.

    A single JSON file may be one, too.
    """
    pattern = f"{_INSTANCES}*.json"
    if instances := [*folder.glob(f"annotations/{pattern}"), *folder.glob(pattern)]:
        return [_named(path) for path in sorted(instances)], 3
    if exported := sorted(folder.glob(f"*/{_ROBOFLOW}")):
        return [(path.parent.name, path) for path in exported], 3
    inner = sorted(folder.glob("annotations/*.json"))
    if divided := [path for path in inner if _split_of(path.stem).lower() in SPLITS]:
        return [_named(path) for path in divided], 2
    single = sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
    single = single or inner
    return ([_named(single[0])], 2) if len(single) == 1 else ([], 0)


def _find_parts(
    files: Sequence[tuple[str, Path]], bases: Sequence[Path], *, beside: bool
) -> tuple[list[_Part], list[str]]:
    """Return the files whose photos are there, and what is said of the others.

    ``beside``: photos may lie where their file is.
    """
    parts, absent = [], []
    for name, path in files:
        found = read_instances(NAME, "annotations", path)
        names = [image.file_name for image in found.images]
        places = [
            place
            for place in _places(name, path, names, bases, beside=beside)
            if not _is_of_another(place, name)
        ]
        root = find_root(names, places)
        if root is None:
            absent.append(
                f"{path}: none of its {len(names)} images is there, such as {names[0]}; looked "
                f"below {list_some(map(str, places))}"
            )
        else:
            parts.append(_Part(name, found, root))
    if not parts:
        raise problem(NAME, f"annotations = {'; '.join(absent)}")
    twice = {part.split for part in parts}
    if len(parts) > len(twice):
        raise problem(
            NAME,
            f"annotations: several files of one split, {list_some(part.name for part in parts)}; "
            "give the one that counts",
        )
    return parts, [f"photos that are left out: {one}" for one in absent]


def _is_of_another(place: Path, name: str) -> bool:
    """Return whether a folder is that of another split, which may have photos of the same names."""
    own, other = _split_of(name), _split_of(place.name)
    return SPLITS.issuperset((own.lower(), other.lower())) and own != other


def _places(
    name: str, path: Path, names: Sequence[str], bases: Sequence[Path], *, beside: bool
) -> Iterator[Path]:
    """Yield the folders where the paths of a file may begin, the likely ones first."""
    own = [path.parent] if beside else []
    if beside and re.match("annotations?|labels", path.parent.resolve().name, re.IGNORECASE):
        own.append(path.parent.parent if path.parent.name else path.parent / "..")
    for base in [*own, *bases]:
        yield from folders_below(base, [name, _split_of(name)])
    for base in bases:
        if base.name and any(one.startswith(f"{base.name}/") for one in names):
            yield base.parent


def _guess(parts: Sequence[_Part], notes: Sequence[str], clues: Clues, sure: int) -> Guess:
    images = [image for part in parts for image in part.found.images]
    params = _paths(parts)
    several = len(parts) > 1
    splits = [part.split if several else None for part in parts for _ in part.found.images]
    label, questions = _labels(images, parts)
    params |= label
    ids = [image.file_name for image in images]
    first = parts[0]
    division = find_division(ids, splits, [first.found.path.parent, first.root], clues)
    files = list_some(part.found.path.name for part in parts)
    if several and len({part.found.path.name for part in parts}) == 1:
        files = list_some(f"{part.name}/{part.found.path.name}" for part in parts)
    why = f"{len(images)} images in COCO's instances, {files}"
    is_folder = clues.masks is None and clues.data is not None and clues.data.is_dir()
    if is_folder and parts[0].found.path.name.startswith(_INSTANCES):
        why += " (of two readers, coco and datumaro's coco_instances, the first is taken)"
    remarks = [note for part in parts for note in part.found.notes]
    unknown = (*notes, *remarks, *questions, *_unlisted(parts), *division.unknown)
    return Guess(why, {**params, **division.params}, sure, unknown, division.fill)


def _paths(parts: Sequence[_Part]) -> dict[str, Any]:
    """Return the params that name files and folders; no folder where it is the file's own."""
    own = all(part.root == part.found.path.parent for part in parts)
    if len(parts) == 1:
        (part,) = parts
        return {"annotations": str(part.found.path)} | ({} if own else {"root": str(part.root)})
    params: dict[str, Any] = {"annotations": {part.split: str(part.found.path) for part in parts}}
    if not own:
        roots = {part.split: str(part.root) for part in parts}
        params["root"] = roots if len({*roots.values()}) > 1 else str(parts[0].root)
    return params


def _labels(
    images: Sequence[CocoImage], parts: Sequence[_Part]
) -> tuple[dict[str, Any], Iterator[str]]:
    """Return the param of where labels come from, and what is asked."""
    categories = {name for part in parts for name in part.found.categories}
    folders = {PurePosixPath(image.file_name).parent.name for image in images}
    if folders <= categories:
        return {"label": "folder"}, iter(())
    return {}, _ask_labels(images, sorted(folders - {""}))


def _ask_labels(images: Sequence[CocoImage], folders: Sequence[str]) -> Iterator[str]:
    labels = [label_of_objects(area.category for area in image.areas)[0] for image in images]
    known = {label for label in labels if label is not None}
    if len(folders) > 1:
        yield (
            f"the labels: taken from the objects, {list_some(sorted(known))}; the folders of the "
            f"photos, {list_some(folders)}, are other ones: where they are the classes, name the "
            'categories so and set label = "folder"'
        )
    if (lost := labels.count(None)) and known:
        yield (
            f"the labels of {lost} of {len(labels)} images, which have no objects or several "
            'kinds: they are left out, unless a table names them, labels = "labels.csv" with the '
            "columns file_name and label"
        )
    if len(known) == 1:
        yield (
            f"the classes: all objects are {known.pop()}, and with one class every prediction is "
            'right; where classes are told otherwise, name them in a table, labels = "labels.csv" '
            "with the columns file_name and label"
        )


def _unlisted(parts: Sequence[_Part]) -> Iterator[str]:
    """Yield how many photos beside the listed ones no file knows."""
    for root in dict.fromkeys(part.root for part in parts):
        listed = {
            str(PurePosixPath(image.file_name))
            for part in parts
            if part.root == root
            for image in part.found.images
        }
        spare = [name for name in photos_in(root) if name not in listed]
        if spare:
            yield (
                f"photos that are left out: {len(spare)} in {root}, such as {spare[0]}, which no "
                "COCO file lists, so that nothing says their class"
            )
