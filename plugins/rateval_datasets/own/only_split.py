"""The one split of a data set that was never divided, which tools name as they like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rateval_datasets.own.params import PhotoParams
from rateval_datasets.own.rows import Photo
from rateval_datasets.own.splitting import SPLITS


def without_only_split(photos: Sequence[Photo], params: PhotoParams) -> list[Photo]:
    """Return photos in no split where all are in one that divides nothing.

    That is one without a usual name, such as that of a file, or any where the params divide the
    photos; not one that the params name, unless it is one of those that these divide into.
    """
    names = {photo.split for photo in photos}
    name = names.pop() if len(names) == 1 else None
    if name is None:
        return list(photos)
    if params.split is None and name.lower() in SPLITS:
        return list(photos)
    if name in (params.test_split, params.train_split) and name not in (params.split or {}):
        return list(photos)
    return [replace(photo, split=None) for photo in photos]
