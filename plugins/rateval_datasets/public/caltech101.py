"""Caltech-101: about 9,000 images of 101 classes with the outlines of their objects."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from rateval.api import Context
from rateval.modelkit import list_some
from rateval_datasets.contours import FARTHEST, fill_contour
from rateval_datasets.images import contradiction, is_turned
from rateval_datasets.layout import Layout, folders_in, images_in, names_in
from rateval_datasets.public.mat_files import read_numbers
from rateval_datasets.public.params import Caltech101Params
from rateval_datasets.public.place import saying_where
from rateval_datasets.split import FileDataset, FileSplit, Listing
from rateval_datasets.view import Mask, View

LAYOUT = Layout(
    dataset="caltech101",
    tree=(
        "101_ObjectCategories/<class>/image_XXXX.jpg and Annotations/<class>/annotation_XXXX.mat"
    ),
    source="data.caltech.edu/records/mzrjq-6wc02 (unpack the two archives inside)",
)
BACKGROUND = "BACKGROUND_Google"
ANNOTATED_AS = {
    "Faces": "Faces_2",
    "Faces_easy": "Faces_3",
    "Motorbikes": "Motorbikes_16",
    "airplanes": "Airplanes_Side_2",
}
"""Folders of images whose annotations lie in a folder of another name."""
_PUBLISHED_STEP = 5
"""The published split takes one image of five for testing."""
_PUBLISHED_VIEW = View(224)


def make_caltech101(params: Caltech101Params, context: Context) -> FileDataset:
    """Make the dataset with a split by hash, or the published one.

    Raises RatevalError when a folder is missing, or a class has no image left for testing.
    """
    with saying_where(LAYOUT, params.root, _is_whole):
        images = LAYOUT.folder(params.root / "101_ObjectCategories")
        annotations = LAYOUT.folder(params.root / "Annotations")
    published = params.protocol == "aaai25"
    present = [name for name in folders_in(images) if name != BACKGROUND or params.background]
    # The published list of classes names the background although no image of it has a contour.
    classes = sorted({*present, BACKGROUND}) if published else present
    listing = _list(images, annotations, classes)
    if not listing.paths:
        raise LAYOUT.error(f"there are no images below {images}")
    shown = {classes[label] for label in listing.labels} | ({BACKGROUND} if published else set())
    empty = [name for name in classes if name not in shown]
    if empty:
        raise LAYOUT.error(f"{images} holds folders without images: {list_some(empty)}")
    if not any(listing.evidence):
        raise LAYOUT.error(f"no file below {annotations} belongs to an image")
    train, test = _published_split(listing) if published else _hashed_split(listing, params)
    if not test:
        raise LAYOUT.error(
            f"no image is left for testing: only one has an outline in {annotations}"
        )

    def split(name: str, positions: Sequence[int]) -> FileSplit:
        view = _PUBLISHED_VIEW if published and name == "test" else None

        def read_mask(path: str, label: int, image: Image.Image) -> Mask:
            mask = read_contour(annotations / annotation_of(path), image, published=published)
            return mask if view is None else view.mask(mask)

        title = f"caltech101 protocol={params.protocol} split={name}"
        return FileSplit(title, images, listing.take(positions), read_mask, view=view)

    names = tuple(name.replace("_", " ").lower() for name in classes)
    LAYOUT.check_names(names, [f"the folder {name}" for name in classes], distinct=True)
    return FileDataset(names, split("test", test), lambda: split("train", train))


def _is_whole(root: Path) -> bool:
    return (root / "101_ObjectCategories").is_dir()


def annotation_of(path: str) -> str:
    """Return where an image's annotation lies below Annotations.

    >>> annotation_of("Faces_easy/image_0007.jpg")
    'Faces_3/annotation_0007.mat'
    """
    image = PurePosixPath(path)
    folder = ANNOTATED_AS.get(image.parent.name, image.parent.name)
    return f"{folder}/{image.stem.replace('image_', 'annotation_', 1)}.mat"


def _list(images: Path, annotations: Path, classes: Sequence[str]) -> Listing:
    paths, labels, evidence = [], [], []
    for label, folder in enumerate(classes):
        known = names_in(annotations / ANNOTATED_AS.get(folder, folder))
        for name in images_in(images / folder):
            path = f"{folder}/{name}"
            paths.append(path)
            labels.append(label)
            evidence.append(annotation_of(path).rpartition("/")[2] in known)
    return Listing(paths, labels, evidence)


def _published_split(listing: Listing) -> tuple[list[int], list[int]]:
    outlined = [at for at, known in enumerate(listing.evidence) if known]
    test = outlined[1::_PUBLISHED_STEP]
    chosen = set(test)
    return [at for at in outlined if at not in chosen], test


def _hashed_split(listing: Listing, params: Caltech101Params) -> tuple[list[int], list[int]]:
    members: dict[int, list[int]] = {}
    for at, label in enumerate(listing.labels):
        members.setdefault(label, []).append(at)
    small = [
        positions for positions in members.values() if len(positions) <= params.train_per_class
    ]
    if small:
        folders = [PurePosixPath(listing.paths[positions[0]]).parent.name for positions in small]
        raise LAYOUT.error(
            f"train_per_class = {params.train_per_class} leaves no test image of "
            f"{list_some(folders)}; the smallest class has {min(map(len, small))} images"
        )
    chosen: set[int] = set()
    for positions in members.values():
        ranked = sorted(positions, key=lambda at: _rank(params.split_seed, listing.paths[at]))
        chosen.update(ranked[: params.train_per_class])
    everything = range(len(listing))
    return sorted(chosen), [at for at in everything if at not in chosen]


def _rank(seed: int, path: str) -> bytes:
    return hashlib.sha256(f"{seed}/{path}".encode("utf-8", "surrogateescape")).digest()


def read_contour(path: Path, image: Image.Image, *, published: bool) -> Mask:
    """Fill the contour of the annotation of ``image``, (rows, columns) bool.

    ``obj_contour`` is (2, P), x and y, relative to the corner of ``box_coord`` (top, bottom, left,
    right). Both are MATLAB's coordinates, where the first pixel's centre is at 1. ``published``
    cuts them to whole pixels and takes them for coordinates that begin at 0. Raises OSError or
    ValueError, and UnfitError where the box cannot be one of this image. Source:
    show_annotation.m of the official archive.
    """
    found = read_numbers(path, ("box_coord", "obj_contour"))
    box, contour = found["box_coord"].reshape(-1), found["obj_contour"]
    if box.size != 4:
        raise ValueError(f"box_coord has 4 numbers, not {box.size}")
    if not (np.abs(box) <= FARTHEST).all():
        raise ValueError("box_coord has numbers outside of any image")
    top, bottom, left, right = box
    rows, columns = size = (image.height, image.width)
    beyond = bottom > rows + 1 or right > columns + 1
    fits_turned = bottom <= columns + 1 and right <= rows + 1
    if (
        min(bottom, right) < 1
        or top > rows
        or left > columns
        or (beyond and fits_turned and is_turned(image))
    ):
        raise contradiction(image, f"the box ends in column {right:.0f} and row {bottom:.0f}")
    if published:
        return fill_contour(np.trunc(contour) + np.array([[left], [top]]), size)
    return fill_contour(contour + np.array([[left], [top]]) - 1.0, size)
