"""The dataset of shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rateval.api import Context
from rateval.modelkit import list_some
from rateval_datasets.own.classes import order_classes
from rateval_datasets.own.dataset import PhotoDataset, make_dataset
from rateval_datasets.own.problems import problem
from rateval_datasets.own.rows import Photo
from rateval_datasets.own.shards.params import WebDatasetParams
from rateval_datasets.own.shards.samples import list_photos
from rateval_datasets.own.shards.shard import NAME, Shard, find_shard


def make_webdataset(params: WebDatasetParams, context: Context) -> PhotoDataset:
    """Make the dataset. Raises RatevalError when the shards aren't as they should be."""
    photos = list_photos(_find(params), params)
    if params.classes is not None:
        listed = order_classes(NAME, (), params.classes)
        photos = _by_place(photos, listed)
    return make_dataset(NAME, photos, params)


def _find(params: WebDatasetParams) -> list[tuple[str | None, Shard]]:
    found: list[tuple[str | None, Shard]] = []
    missing: list[str] = []
    for split, names in params.named_shards().items():
        for name in names:
            try:
                found.append((split, find_shard(name)))
            except (OSError, ValueError) as error:
                missing.append(f"{name}: {getattr(error, 'strerror', None) or error}")
    if missing:
        raise problem(NAME, f"shards: {list_some(missing)}; give the paths of tar archives")
    return found


def _by_place(photos: Sequence[Photo], listed: Sequence[str]) -> list[Photo]:
    """Return photos whose numbers are places in the list of classes with the labels there.

    Raises RatevalError where a number is beyond the list's end.
    """
    numbers = {
        photo.label
        for photo in photos
        if photo.label is not None and photo.label.isascii() and photo.label.isdigit()
    } - set(listed)
    beyond = sorted((one for one in numbers if int(one) >= len(listed)), key=int)
    if beyond:
        example = next(photo.id for photo in photos if photo.label == beyond[0])
        raise problem(
            NAME,
            f"classes: lists {len(listed)} labels, but there are the numbers {list_some(beyond)}, "
            f"such as of {example}; they count from 0, so list every class",
        )
    names = {one: listed[int(one)] for one in numbers}
    return [replace(one, label=names.get(one.label or "", one.label)) for one in photos]
