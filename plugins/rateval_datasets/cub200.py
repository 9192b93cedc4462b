"""CUB-200-2011: 11,788 images of 200 kinds of birds with segmentations."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from rateval.api import Context
from rateval_datasets.layout import Layout, names_in
from rateval_datasets.params import Cub200Params
from rateval_datasets.split import FileDataset, FileSplit, Listing, Mask
from rateval_datasets.view import View

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


def make_cub200(params: Cub200Params, context: Context) -> FileDataset:
    """Make the dataset with its official split, or the published one.

    Raises RatevalError when a file is missing or doesn't fit the others.
    """
    root = LAYOUT.folder(params.root)
    base = root if (root / "images.txt").is_file() else root / "CUB_200_2011"
    images = LAYOUT.folder(base / "images")
    masks = LAYOUT.folder(root / "segmentations", base / "segmentations")
    published = params.protocol == "aaai25"
    listing, training = _read_lists(base, masks, alphabetical=published)
    threshold = _UNANIMOUS if published else _MAJORITY

    def split(name: str, *, train: bool) -> FileSplit:
        view = _PUBLISHED_VIEW if published and not train else None

        def read_mask(path: str, label: int, size: tuple[int, int]) -> Mask:
            file = masks / PurePosixPath(path).with_suffix(".png")
            return read_segmentation(file, size, threshold, view)

        chosen = [at for at, value in enumerate(training) if value == train]
        title = f"cub200 protocol={params.protocol} split={name}"
        return FileSplit(title, images, listing.take(chosen), read_mask, view=view)

    return FileDataset(
        classes=_read_names(base / "classes.txt"),
        test=split("test", train=False),
        list_train=lambda: split("train", train=True),
    )


def _pairs(path: Path) -> dict[int, str]:
    """Read lines of "number value"."""
    pairs = {}
    for line in LAYOUT.lines(path):
        number, _, value = line.partition(" ")
        if not (number.isdecimal() and value):
            raise LAYOUT.error(f'{path}: the line "{line}" is not "number value"')
        pairs[int(number)] = value
    return pairs


def _read_lists(base: Path, masks: Path, *, alphabetical: bool) -> tuple[Listing, list[bool]]:
    """Return all images and, for each, whether it is for training."""
    paths = _pairs(base / "images.txt")
    labels = _pairs(base / "image_class_labels.txt")
    flags = _pairs(base / "train_test_split.txt")
    if not paths.keys() == labels.keys() == flags.keys():
        raise LAYOUT.error(
            f"images.txt, image_class_labels.txt and train_test_split.txt in {base} number "
            f"different images ({len(paths)}, {len(labels)} and {len(flags)})"
        )
    numbers = sorted(paths)
    training = [flags[number] == "1" for number in numbers]
    if alphabetical:
        # As published: the flags stay in the order of images.txt while the images leave it.
        numbers = sorted(numbers, key=lambda number: PurePosixPath(paths[number]).parts)
    folders = {PurePosixPath(path).parent.name for path in paths.values()}
    known = {folder: names_in(masks / folder) for folder in folders}
    ordered = [PurePosixPath(paths[number]) for number in numbers]
    listing = Listing(
        [path.as_posix() for path in ordered],
        [int(labels[number]) - 1 for number in numbers],
        [f"{path.stem}.png" in known[path.parent.name] for path in ordered],
    )
    return listing, training


def _read_names(path: Path) -> tuple[str, ...]:
    """Read class names.

    A line such as "1 001.Black_footed_Albatross" becomes "black footed albatross".
    """
    names = _pairs(path)
    return tuple(
        names[number].rpartition(".")[2].replace("_", " ").lower() for number in sorted(names)
    )


def read_segmentation(
    path: Path, size: tuple[int, int], threshold: int, view: View | None = None
) -> Mask:
    """Read where a grey image of the size (rows, columns) reaches ``threshold``, as bool.

    A ``view`` shows the grey image before it is cut at the threshold, as published. Raises OSError
    or SyntaxError when it is unreadable, ValueError when it has another size.
    """
    with Image.open(path) as image:
        grey = image.convert("L")
    if (grey.height, grey.width) != size:
        raise ValueError(
            f"the segmentation has {grey.width} x {grey.height} pixels, "
            f"the image {size[1]} x {size[0]}"
        )
    mask: Mask = np.asarray(grey if view is None else view.image(grey)) >= threshold
    return mask
