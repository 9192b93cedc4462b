"""The dataset of COCO files of instances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rateval.api import Context
from rateval_datasets.asking import IMAGE
from rateval_datasets.own.coco.labels import Labels
from rateval_datasets.own.coco.objects import objects_of
from rateval_datasets.own.coco.params import CocoParams
from rateval_datasets.own.coco.questions import CocoQuestion, evidence_of, read_questions
from rateval_datasets.own.coco.reading import CocoImage, Instances, read_instances
from rateval_datasets.own.dataset import PhotoDataset, make_dataset
from rateval_datasets.own.formats.attributes import groups_of
from rateval_datasets.own.problems import problem
from rateval_datasets.own.rows import Photo

NAME = "coco"


@dataclass(frozen=True, slots=True)
class _Part:
    """One JSON file with its photos."""

    split: str | None
    found: Instances
    root: Path


def make_coco(params: CocoParams, context: Context) -> PhotoDataset:
    """Make the dataset. Raises RatevalError when a file isn't as it should be."""
    parts = _read_parts(params)
    if params.questions is not None:
        return _make_asked(params, parts)
    labels = Labels(NAME, params, [part.found for part in parts])
    several = len({part.root for part in parts}) > 1
    photos: list[Photo] = []
    for part in parts:
        prefix = f"{part.split}/" if several else ""
        made = [_photo(image, part, prefix, labels, params) for image in part.found.images]
        _require_some(made, part.root)
        photos += made
    notes = [note for part in parts for note in part.found.notes]
    return make_dataset(NAME, photos, params, [*notes, *labels.notes])


def _make_asked(params: CocoParams, parts: Sequence[_Part]) -> PhotoDataset:
    """Make the dataset whose samples are questions about the photos of the parts."""
    photos: list[Photo] = []
    notes = [note for part in parts for note in part.found.notes]
    several = len({part.root for part in parts}) > 1
    for part in parts:
        asking = read_questions(NAME, params, part.split, part.found)
        prefix = f"{part.split}/" if several else ""
        made = [_question(one, part, prefix, params) for one in asking.questions]
        if made:
            _require_some(made, part.root)
        photos += made
        notes += asking.notes
    if not photos:
        raise problem(NAME, "questions: none is about an image of the annotations")
    return make_dataset(NAME, photos, params, notes, asks=True)


def _question(one: CocoQuestion, part: _Part, prefix: str, params: CocoParams) -> Photo:
    """Return the sample of a question: its photo, and what of it the answer needs."""
    place = PurePosixPath(one.image.file_name)
    fault = one.fault
    if place.is_absolute() or ".." in place.parts:
        fault = "its file_name leads out of root"
    shown = f"{prefix}{place}"
    groups = {IMAGE: shown, **one.groups, **groups_of([one.image.attributes])}
    return Photo(
        f"{shown}#{one.id}",
        part.root / place,
        one.asked.most_given if one.asked is not None else None,
        evidence_of(one, crowds=params.crowds),
        part.split,
        groups | {IMAGE: shown},
        fault=fault,
        asked=one.asked,
    )


def _read_parts(params: CocoParams) -> list[_Part]:
    given = params.annotations
    files: list[tuple[str | None, Path]] = (
        [*given.items()] if isinstance(given, dict) else [(None, given)]
    )
    parts = []
    for split, path in files:
        dot = "" if split is None else f".{split}"
        found = read_instances(NAME, f"annotations{dot}", path)
        root = params.root[split or ""] if isinstance(params.root, dict) else params.root
        root = path.parent if root is None else root
        if not root.is_dir():
            what = "is a file; give its folder" if root.is_file() else "no such folder"
            key = f"root{dot}" if isinstance(params.root, dict) else "root"
            raise problem(NAME, f"{key} = {root}: {what}")
        parts.append(_Part(split, found, root.absolute()))
    return parts


def _photo(image: CocoImage, part: _Part, prefix: str, labels: Labels, params: CocoParams) -> Photo:
    place = PurePosixPath(image.file_name)
    label, fault = labels.of(image)
    if place.is_absolute() or ".." in place.parts:
        fault = "its file_name leads out of root"
    evidence, own = objects_of(image.areas, label, image.size, crowds=params.crowds)
    return Photo(
        f"{prefix}{place}",
        part.root / place,
        label,
        evidence,
        part.split,
        groups_of([image.attributes, *(area.attributes for area in own)]),
        fault=fault,
    )


def _require_some(photos: Sequence[Photo], root: Path) -> None:
    """Require that one of the files is there. Raises RatevalError."""
    files = [photo for photo in photos if photo.fault is None]
    if files and all(photo.bytes < 0 for photo in files):
        raise problem(
            NAME,
            f"root = {root}: none of {len(files)} images is there, such as {files[0].source}; root "
            "names the folder where file_name begins",
        )
