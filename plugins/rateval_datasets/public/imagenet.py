"""ImageNet-1K, ILSVRC2012, in Kaggle's layout or with one folder for each class."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from rateval.api import Context
from rateval.modelkit import list_some
from rateval_datasets.images import require_view
from rateval_datasets.layout import Layout, Line, folders_in, images_in, names_in
from rateval_datasets.public.boxes import (
    boxes_of,
    draw_boxes,
    draw_published_boxes,
    read_annotation,
)
from rateval_datasets.public.params import ImageNetParams
from rateval_datasets.public.place import saying_where
from rateval_datasets.public.synsets import label_folders, read_classes
from rateval_datasets.split import FileDataset, FileSplit, Listing
from rateval_datasets.view import Mask, View

LAYOUT = Layout(
    dataset="imagenet",
    tree=(
        "Data/CLS-LOC/val, Annotations/CLS-LOC/val, LOC_synset_mapping.txt and "
        "LOC_val_solution.csv (Kaggle), or val/<wnid>/*.JPEG"
    ),
    source="kaggle.com/c/imagenet-object-localization-challenge or image-net.org",
)
PUBLISHED_VIEW = View(256)
MAPPING = "LOC_synset_mapping.txt"
SOLUTION = "LOC_val_solution.csv"
_WNID = re.compile(r"n[0-9]{8}")


@dataclass(frozen=True, slots=True)
class Folders:
    """The places of the parts of one copy of ImageNet."""

    images: Path
    annotations: Path | None
    synsets: Path | None
    solution: Path | None
    """LOC_val_solution.csv, where val is one flat folder."""


def find_folders(params: ImageNetParams) -> Folders:
    """Return the layout that ``root`` has. Raises RatevalError when a part is missing."""
    with saying_where(LAYOUT, params.root, _is_whole):
        return _find_folders(params)


def _is_whole(root: Path) -> bool:
    if any(_WNID.fullmatch(name) for name in folders_in(root / "val")):
        return True
    bases = (root / "ILSVRC", root)
    return (root / MAPPING).is_file() and any((b / "Data/CLS-LOC").is_dir() for b in bases)


def _find_folders(params: ImageNetParams) -> Folders:
    root = LAYOUT.folder(params.root)
    synsets = params.synsets or root / MAPPING
    for base in (root / "ILSVRC", root):
        images = base / "Data" / "CLS-LOC"
        if images.is_dir():
            official = base / "Annotations" / "CLS-LOC"
            annotations = LAYOUT.folder(params.annotations or official)
            LAYOUT.folder(annotations / "val")
            val = LAYOUT.folder(images / "val")
            solution = None if folders_in(val) else LAYOUT.file(root / SOLUTION)
            return Folders(images, annotations, LAYOUT.file(synsets), solution)
    LAYOUT.folder(root / "val", root / "Data" / "CLS-LOC")
    flat = _find_labels(root, synsets)
    if params.annotations is not None:
        LAYOUT.folder(params.annotations / "val")
    if params.synsets is not None:
        LAYOUT.file(params.synsets)
    return Folders(root, params.annotations, synsets if synsets.is_file() else None, flat)


def _find_labels(root: Path, synsets: Path) -> Path | None:
    """Return the file with the labels where val is one flat folder; None where it isn't.

    Raises RatevalError when there is none: the images' names don't tell their classes.
    """
    val = root / "val"
    if not val.is_dir() or folders_in(val) or not (images := images_in(val)):
        return None
    if (root / SOLUTION).is_file() and synsets.is_file():
        return root / SOLUTION
    raise LAYOUT.error(
        f"{val} holds {len(images):,} images and no folders, and nothing says which class each is "
        f"of; put Kaggle's {SOLUTION} and {MAPPING} into {root}, or the images into "
        f"{val}/<wnid>, as torchvision.datasets.ImageNet unpacks ILSVRC2012_img_val.tar"
    )


def make_imagenet(params: ImageNetParams, context: Context) -> FileDataset:
    """Make the dataset; ``train`` is None where there is no train folder.

    Raises RatevalError when a file is missing or doesn't fit the others.
    """
    folders = find_folders(params)
    val = folders.images / "val"
    wnids, names = read_classes(
        LAYOUT,
        synsets=folders.synsets,
        class_names=params.class_names,
        folders=lambda: folders_in(val),
        protocol=params.protocol,
    )
    known = None if folders.annotations is None else folders.annotations / "val"
    if folders.solution is None:
        test = list_class_folders(LAYOUT, val, wnids, known)
    else:
        test = _list_flat(val, folders.solution, wnids, known)

    view = PUBLISHED_VIEW if params.protocol == "aaai25" else None
    return FileDataset(
        classes=names,
        test=_split("val", val, test, wnids, known, view),
        list_train=lambda: list_train(folders, wnids),
    )


def list_train(folders: Folders, wnids: Sequence[str]) -> FileSplit | None:
    """Return the training split, or None where there is no train folder.

    Raises RatevalError when it is empty, or a folder is no class.
    """
    train = folders.images / "train"
    if not train.is_dir():
        return None
    boxes = None if folders.annotations is None else folders.annotations / "train"
    listing = list_class_folders(LAYOUT, train, wnids, boxes, nested=True)
    return _split("train", train, listing, wnids, boxes)


def _split(
    name: str,
    images: Path,
    listing: Listing,
    wnids: Sequence[str],
    annotations: Path | None,
    view: View | None = None,
) -> FileSplit:
    def read_mask(path: str, label: int, image: Image.Image) -> Mask:
        if annotations is None:  # then the listing has no evidence
            raise ValueError("there are no annotations")
        inner = PurePosixPath(path).with_suffix(".xml")
        found = read_annotation(annotations / (inner if name == "train" else inner.name))
        own = boxes_of(found, wnids[label])
        size = (image.height, image.width)
        if view is not None:
            return draw_published_boxes(own, found.size or size, view)
        require_view(image, found.size or size, "annotation")
        return draw_boxes(own, found.size, size)

    return FileSplit(f"imagenet split={name}", images, listing, read_mask, view=view)


def list_class_folders(
    layout: Layout,
    images: Path,
    wnids: Sequence[str],
    annotations: Path | None,
    *,
    nested: bool = False,
) -> Listing:
    """List <wnid>/<image> below ``images``; evidence is where an XML file has the image's name.

    The annotations lie in one folder, or, when ``nested``, in one for each class as the images do.
    Raises RatevalError when there are none, or a folder is no class.
    """
    labels = label_folders(layout, images, folders_in(images), wnids)
    flat = set() if annotations is None or nested else names_in(annotations)
    paths, found, evidence = [], [], []
    for wnid, label in labels.items():
        known = names_in(annotations / wnid) if annotations is not None and nested else flat
        for name in images_in(images / wnid):
            paths.append(f"{wnid}/{name}")
            found.append(label)
            evidence.append(name.rpartition(".")[0] + ".xml" in known)
    if not paths:
        raise layout.error(f"there are no images below {images}")
    return Listing(paths, found, evidence)


def _list_flat(
    val: Path, solution: Path, wnids: Sequence[str], annotations: Path | None
) -> Listing:
    names = images_in(val)
    if not names:
        raise LAYOUT.error(f"there are no images in {val}")
    stems = [name.rpartition(".")[0] for name in names]
    labels = _label_images(solution, stems, wnids)
    known = set() if annotations is None else names_in(annotations)
    return Listing(names, labels, [f"{stem}.xml" in known for stem in stems])


def _label_images(solution: Path, stems: Sequence[str], wnids: Sequence[str]) -> list[int]:
    said = _read_solution(solution)
    unknown = [stem for stem in stems if stem not in said]
    if unknown:
        raise LAYOUT.error(f"{solution} lacks the labels of {list_some(unknown)}")
    order = {wnid: label for label, wnid in enumerate(wnids)}
    for stem in stems:
        line, wnid = said[stem]
        if wnid not in order:
            raise LAYOUT.wrong(solution, line, f"no class is called {wnid}")
    return [order[said[stem].text] for stem in stems]


def _read_solution(path: Path) -> Mapping[str, Line]:
    """Return image id to WordNet id of its label: each row is "id,wnid x y x y wnid …"."""
    found: dict[str, Line] = {}
    for at, text in LAYOUT.lines(path):
        try:
            (row,) = csv.reader([text], strict=True)
        except csv.Error as error:
            raise LAYOUT.wrong(path, at, f"no row of a CSV file: {error}") from error
        if not found and row[0] == "ImageId":
            continue
        words = row[1].split() if len(row) == 2 else []
        if not row[0] or not words or len(words) % 5:
            raise LAYOUT.wrong(path, at, f'the row "{text:.80}" is not "id,wnid x y x y …"')
        if row[0] in found:
            raise LAYOUT.wrong(path, at, f"{row[0]} stands in line {found[row[0]].number}, too")
        found[row[0]] = Line(at, words[0])
    return found
