"""The dataset of a folder in a format that datumaro reads."""

from __future__ import annotations

from rateval.api import Context
from rateval.modelkit import list_some
from rateval_datasets.own.dataset import PhotoDataset, make_dataset
from rateval_datasets.own.formats.params import DatumaroParams
from rateval_datasets.own.problems import problem

NAME = "datumaro"


def make_datumaro(params: DatumaroParams, context: Context) -> PhotoDataset:
    """Make the dataset. Raises RatevalError when datumaro cannot read the folder."""
    root = params.root.absolute()
    if not root.is_dir():
        what = "is a file; give its folder" if root.is_file() else "no such folder"
        raise problem(NAME, f"root = {params.root}: {what}")
    # These import datumaro, which takes half a second.
    from rateval_datasets.own.formats.items import photos_of
    from rateval_datasets.own.formats.reading import read_format

    found = read_format(root, params.format)
    photos = photos_of(found, root, params.label, crowds=params.crowds)
    absent = [photo.id for photo in photos if photo.fault is None and photo.bytes < 0]
    if absent and len(absent) == sum(photo.fault is None for photo in photos):
        raise problem(
            NAME,
            f'root = {params.root}: read as format = "{found.format}", none of {len(absent)} '
            f"images is there, such as {list_some(absent)}; put them where the format has them",
        )
    return make_dataset(NAME, photos, params, found.notes)
