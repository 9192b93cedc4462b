"""ImageNet-C: corrupted centre crops of ImageNet's validation images."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rateval.api import Context
from rateval_datasets.images import UnfitError
from rateval_datasets.layout import Layout, folders_in
from rateval_datasets.public.boxes import (
    boxes_of,
    draw_published_boxes,
    fill_boxes,
    read_annotation,
)
from rateval_datasets.public.imagenet import (
    PUBLISHED_VIEW,
    Folders,
    find_folders,
    list_class_folders,
    list_train,
)
from rateval_datasets.public.params import ImageNetCParams, ImageNetParams
from rateval_datasets.public.synsets import read_classes
from rateval_datasets.split import FileDataset, FileSplit
from rateval_datasets.view import Mask

LAYOUT = Layout(
    dataset="imagenet-c",
    tree="<corruption>/<severity>/<wnid>/*.JPEG, such as fog/3/n01440764/*.JPEG",
    source="zenodo.org/records/2235448 (blur, digital, extra, noise and weather)",
)
RESIZED = 256
"""Pixels of the shorter side before the crop."""
SIDE = 224
"""Pixels of the crop."""


def make_imagenet_c(params: ImageNetCParams, context: Context) -> FileDataset:
    """Make the dataset of one corruption at one severity; ImageNet itself is its training split.

    Raises RatevalError when a file is missing or doesn't fit the others.
    """
    images = LAYOUT.folder(params.root / params.corruption / str(params.severity))
    original = _find_original(params)
    published = params.protocol == "aaai25"
    boxes = params.annotations if original is None else original.annotations
    annotations = None if boxes is None else LAYOUT.folder(boxes / "val")
    wnids, names = read_classes(
        LAYOUT,
        synsets=params.synsets if original is None else original.synsets,
        class_names=params.class_names,
        folders=lambda: folders_in(images),
        protocol=params.protocol,
    )

    def read_mask(path: str, label: int, image: Image.Image) -> Mask:
        if annotations is None:  # then the listing has no evidence
            raise ValueError("there are no annotations")
        if image.size != (SIDE, SIDE):
            raise UnfitError(
                f"another size than ImageNet-C has: {image.width:,} x {image.height:,} pixels, "
                f"not {SIDE} x {SIDE}"
            )
        file = annotations / PurePosixPath(path).with_suffix(".xml").name
        return crop_boxes(file, wnids[label], published=published)

    corners = " corners=rounded" if published else ""
    test = FileSplit(
        f"imagenet-c corruption={params.corruption} severity={params.severity}{corners}",
        images,
        list_class_folders(LAYOUT, images, wnids, annotations),
        read_mask,
    )
    return FileDataset(
        names, test, lambda: None if original is None else list_train(original, wnids)
    )


def _find_original(params: ImageNetCParams) -> Folders | None:
    if params.imagenet is None:
        return None
    return find_folders(
        ImageNetParams(root=params.imagenet, annotations=params.annotations, synsets=params.synsets)
    )


def crop_boxes(path: Path, wnid: str, *, published: bool = False) -> Mask:
    """Draw the boxes of an original image into its centre crop, (224, 224) bool.

    ``published`` moves the corners of boxes and cuts them to whole pixels. Raises UnfitError when
    the annotation doesn't say the size of the original, or has boxes of other classes alone.
    """
    found = read_annotation(path)
    if found.size is None:
        raise UnfitError("no size of the original image: its annotation lacks it")
    own = boxes_of(found, wnid)
    if published:
        return draw_published_boxes(own, found.size, PUBLISHED_VIEW)
    return fill_boxes(own, *source_pixels(found.size))


def source_pixels(size: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns, each (224,), of the original that the crop's centres show.

    ImageNet-C was made from images whose shorter side was resized to 256 pixels, cut to their
    central 224 x 224. Source: torchvision's Resize and CenterCrop; hendrycks/robustness.

    >>> rows, columns = source_pixels((256, 512))
    >>> int(rows[0]), int(columns[0]), int(columns[-1])
    (16, 144, 367)
    """
    shorter = min(size)
    sides = []
    for length in size:
        resized = RESIZED if length == shorter else int(RESIZED * length / shorter)
        first = round((resized - SIDE) / 2)
        centres = np.arange(first, first + SIDE) + 0.5
        sides.append(np.floor(centres * length / resized).astype(np.intp))
    return sides[0], sides[1]
