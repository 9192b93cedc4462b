"""CUB-200-2011: 11,788 images of 200 kinds of birds with segmentations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from rateval.api import Context
from rateval_datasets.images import as_grey, contradiction, open_image
from rateval_datasets.layout import Layout, Line, explain_path, names_in
from rateval_datasets.public.params import Cub200Params
from rateval_datasets.public.place import saying_where
from rateval_datasets.split import FileDataset, FileSplit, Listing
from rateval_datasets.view import Mask, View

LAYOUT = Layout(
    dataset="cub200",
    tree=(
        "CUB_200_2011/ (images.txt, image_class_labels.txt, classes.txt, train_test_split.txt and "
        "images/) and segmentations/<class>/<name>.png"
    ),
    source=(
        "data.caltech.edu/records/65de6-vp158 and, for the segmentations, "
        "data.caltech.edu/records/w9d68-gec53"
    ),
)
_MAJORITY = 128
"""A mask's grey value is 51 for each of the five annotators who saw the bird: 153 is three."""
_UNANIMOUS = 255
_PUBLISHED_VIEW = View(256)
_NUMBER = re.compile(r"[0-9]{1,9}")
_FOLDER_NUMBER = re.compile(r"^[0-9]+\.")


def make_cub200(params: Cub200Params, context: Context) -> FileDataset:
    """Make the dataset with its official split, or the published one.

    Raises RatevalError when a file is missing, or a list contradicts itself or another.
    """
    with saying_where(LAYOUT, params.root, _is_whole):
        root = LAYOUT.folder(params.root)
        base = root if (root / "images.txt").is_file() else root / "CUB_200_2011"
        images = LAYOUT.folder(base / "images")
        masks = LAYOUT.folder(root / "segmentations", base / "segmentations")
    published = params.protocol == "aaai25"
    folders = _read_numbered(base / "classes.txt")
    names = _name_classes(base / "classes.txt", folders)
    listing, training = _read_lists(base, masks, folders, alphabetical=published)
    threshold = _UNANIMOUS if published else _MAJORITY

    def split(name: str, *, train: bool) -> FileSplit:
        view = _PUBLISHED_VIEW if published and not train else None

        def read_mask(path: str, label: int, image: Image.Image) -> Mask:
            file = masks / PurePosixPath(path).with_suffix(".png")
            return read_segmentation(file, image, threshold, view)

        chosen = [at for at, value in enumerate(training) if value == train]
        title = f"cub200 protocol={params.protocol} split={name}"
        return FileSplit(title, images, listing.take(chosen), read_mask, view=view)

    return FileDataset(
        classes=names,
        test=split("test", train=False),
        list_train=lambda: split("train", train=True),
    )


def _is_whole(root: Path) -> bool:
    inside = (root / "images.txt").is_file() and (root / "segmentations").is_dir()
    return inside or (root / "CUB_200_2011" / "images.txt").is_file()


_Numbered = dict[int, Line]
"""The number that each line of a list begins with to the rest of that line."""


def _read_numbered(path: Path) -> _Numbered:
    """Read lines of "number value", whose numbers differ and whose values are not empty."""
    found: _Numbered = {}
    for at, text in LAYOUT.lines(path):
        number, *rest = text.split(maxsplit=1)
        if not (_NUMBER.fullmatch(number) and rest):
            raise LAYOUT.wrong(path, at, f'the line "{text}" is not "number value"')
        if int(number) in found:
            before = found[int(number)].number
            raise LAYOUT.wrong(path, at, f"line {before} has the number {int(number)}, too")
        found[int(number)] = Line(at, rest[0])
    if not found:
        raise LAYOUT.error(f"{path} lists nothing")
    return found


def _require_one_of(
    allowed: Mapping[int, object], values: _Numbered, path: Path, what: str
) -> None:
    for at, value in values.values():
        if not (_NUMBER.fullmatch(value) and int(value) in allowed):
            raise LAYOUT.wrong(path, at, f'"{value}" is {what}')


def _read_paths(path: Path) -> _Numbered:
    """Read images.txt, whose paths are <class>/<name> and differ."""
    paths = _read_numbered(path)
    seen: dict[str, int] = {}
    for at, value in paths.values():
        if problem := explain_path(value):
            raise LAYOUT.wrong(path, at, problem)
        if value in seen:
            raise LAYOUT.wrong(path, at, f"{value} stands in line {seen[value]}, too")
        seen[value] = at
    return paths


def _read_lists(
    base: Path, masks: Path, folders: _Numbered, *, alphabetical: bool
) -> tuple[Listing, list[bool]]:
    """Return all images and, for each, whether it is for training."""
    files = [
        base / name for name in ("images.txt", "image_class_labels.txt", "train_test_split.txt")
    ]
    paths, labels, flags = _read_paths(files[0]), _read_numbered(files[1]), _read_numbered(files[2])
    for path, found in zip(files[1:], (labels, flags), strict=True):
        _require_same_images(files[0], paths, path, found)
    _require_one_of(folders, labels, files[1], "no number of a class in classes.txt")
    _require_one_of({0: "test", 1: "train"}, flags, files[2], "neither 0 (test) nor 1 (train)")
    _require_own_folders(files[1], paths, labels, folders)
    numbers = sorted(paths)
    training = [int(flags[number].text) == 1 for number in numbers]
    if all(training):
        raise LAYOUT.error(f"{files[2]} has no image for testing (0)")
    if alphabetical:
        # As published: the flags stay in the order of images.txt while the images leave it.
        numbers = sorted(numbers, key=lambda number: PurePosixPath(paths[number].text).parts)
    known = {folder.text: names_in(masks / folder.text) for folder in folders.values()}
    order = {number: label for label, number in enumerate(sorted(folders))}
    ordered = [PurePosixPath(paths[number].text) for number in numbers]
    listing = Listing(
        [path.as_posix() for path in ordered],
        [order[int(labels[number].text)] for number in numbers],
        [f"{path.stem}.png" in known[path.parent.name] for path in ordered],
    )
    return listing, training


def _require_same_images(path: Path, paths: _Numbered, other: Path, found: _Numbered) -> None:
    if paths.keys() == found.keys():
        return
    both = ((path, paths, other, found), (other, found, path, paths))
    more = (
        f"{one}:{has[number].number}: the image {number} is not in {another.name}"
        for one, has, another, lacks in both
        for number in sorted(has.keys() - lacks.keys())
    )
    raise LAYOUT.error(
        f"{next(more)}: they number different images ({len(paths)} in {path.name}, {len(found)} "
        f"in {other.name})"
    )


def _require_own_folders(
    path: Path, paths: _Numbered, labels: _Numbered, folders: _Numbered
) -> None:
    for number, (at, label) in labels.items():
        image, folder = paths[number].text, folders[int(label)].text
        if PurePosixPath(image).parent.name != folder:
            raise LAYOUT.wrong(
                path,
                at,
                f"the image {number} is {image}, but its class {int(label)} is {folder} in "
                "classes.txt",
            )


def _name_classes(path: Path, folders: _Numbered) -> tuple[str, ...]:
    """Return the class names: of 001.Black_footed_Albatross, "black footed albatross"."""
    lines = [folders[number] for number in sorted(folders)]
    names = tuple(
        (_FOLDER_NUMBER.sub("", folder, count=1)).replace("_", " ").lower() for _, folder in lines
    )
    LAYOUT.check_names(names, [f"{path}:{at}" for at, _ in lines], distinct=True)
    return names


def read_segmentation(
    path: Path, image: Image.Image, threshold: int, view: View | None = None
) -> Mask:
    """Read where the grey image that belongs to ``image`` reaches ``threshold``, as bool.

    A ``view`` shows the grey image before it is cut at the threshold, as published. Raises OSError
    or ValueError when it is unreadable, and UnfitError when it has another size than the image, or
    no values of 8 or 16 bits.
    """
    with open_image(path) as opened:
        grey = as_grey(opened)
    if grey.size != image.size:
        what = f"the segmentation has {grey.width:,} x {grey.height:,} pixels"
        raise contradiction(image, what)
    mask: Mask = np.asarray(grey if view is None else view.image(grey)) >= threshold
    return mask
