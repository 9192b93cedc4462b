"""One photo as a dataset, read as those of a whole folder are."""

from __future__ import annotations

from rateval.api import Context
from rateval.api.tasks.texts import Asked
from rateval_datasets.own.classes import name_classes, order_classes
from rateval_datasets.own.dataset import PhotoDataset
from rateval_datasets.own.evidence import MaskImage
from rateval_datasets.own.params import OnePhotoParams
from rateval_datasets.own.photo import Opening
from rateval_datasets.own.problems import problem
from rateval_datasets.own.rows import Photo, PhotoSplit

NAME = "photo"
UNKNOWN = "?"
"""Stands for an answer that nobody gave."""


def make_photo(params: OnePhotoParams, context: Context) -> PhotoDataset:
    """Make the dataset. Raises RatevalError when the classes are none, or lack the label."""
    for key, path in (("image", params.image), ("mask", params.mask)):
        if path is not None and path.is_dir():
            raise problem(NAME, f"{key} = {path}: is a folder; give one file")
    found = set() if params.label is None else {params.label}
    asked = None
    if params.classes is None:
        labels: tuple[str, ...] = (params.label or UNKNOWN,)
        names = labels
        asked = None if params.question is None else Asked(params.question, labels)
    else:
        labels = order_classes(NAME, found, params.classes)
        names = name_classes(NAME, labels, None)
    label = labels[0] if params.label is None else params.label
    mask = None if params.mask is None else MaskImage(params.mask, title=params.mask.name)
    photo = Photo(params.image.name, params.image, label, mask, asked=asked)
    split = PhotoSplit("photo split=test", [photo], [labels.index(label)], Opening(params.exif))
    return PhotoDataset(names, labels, split, None)
