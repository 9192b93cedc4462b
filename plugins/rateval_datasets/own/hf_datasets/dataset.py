"""The dataset of a table of the library ``datasets``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rateval.api import Context
from rateval.modelkit import list_some
from rateval_datasets.own.dataset import PhotoDataset, make_dataset
from rateval_datasets.own.evidence import Evidence, MaskImage
from rateval_datasets.own.formats.boxes import boxes_of
from rateval_datasets.own.formats.shapes import Annotated
from rateval_datasets.own.hf_datasets.params import HuggingFaceParams
from rateval_datasets.own.photo import Source
from rateval_datasets.own.rows import Photo, PhotoSplit

if TYPE_CHECKING:
    from rateval_datasets.own.hf_datasets.columns import Images

NAME = "huggingface"


def make_huggingface(params: HuggingFaceParams, context: Context) -> PhotoDataset:
    """Make the dataset. Raises RatevalError when the folder or a column is missing."""
    # These import datasets, which takes seconds.
    from rateval_datasets.own.hf_datasets.columns import label_reader
    from rateval_datasets.own.hf_datasets.loading import load, require_folder

    require_folder(params)
    photos: list[Photo] = []
    sizes = hashlib.sha256()
    for split, table in load(params).items():
        reader = _Reader(split, table, params)
        photos += reader.photos()
        sizes.update(repr((split, reader.images.sizes)).encode())
        names = label_reader(table, params.label)[1]
        if names is not None and params.classes is None:
            params = params.model_copy(update={"classes": tuple(names)})
    dataset = make_dataset(NAME, photos, params)
    # Files tell their sizes themselves; of images in a table they are known here alone.
    for made in (dataset.test, dataset.train):
        if isinstance(made, PhotoSplit):
            made.name += f" sizes={sizes.hexdigest()[:16]}"
    return dataset


class _Reader:
    """The rows of one split as photos."""

    def __init__(self, split: str, table: Any, params: HuggingFaceParams) -> None:
        from rateval_datasets.own.hf_datasets import columns

        self._split, self._table, self._params = split, table, params
        named = {key: getattr(params, key) for key in ("image", "label", "mask", "boxes")}
        named |= {"caption": params.caption, "id": params.id}
        taken = {key: name for key, name in named.items() if name is not None}
        for key, name in taken.items():
            columns.require_column(table, key, name)
        self._root = root = None if params.root is None else params.root.absolute()
        self.images = columns.Images(table, "image", params.image, root)
        self._masks = params.mask and columns.Images(table, "mask", params.mask, root)
        self._label, _ = columns.label_reader(table, params.label)
        self._labels = columns.read_column(table, params.label)
        self._boxes = params.boxes and columns.read_column(table, params.boxes)
        self._captions = params.caption and columns.read_column(table, params.caption)
        self._ids = params.id and columns.read_column(table, params.id)
        self._groups = columns.group_columns(table, list(taken.values()))

    def photos(self) -> list[Photo]:
        return [self._photo(at) for at in range(len(self._table))]

    def _photo(self, at: int) -> Photo:
        label, fault = self._find_label(self._labels[at])
        source, evidence = None, None
        try:
            source = self.images.source(at)
            if source is None:
                fault = fault or "no image"
            evidence = self._find_evidence(at, label)
        except (ValueError, TypeError) as error:
            fault = fault or f"unfit row: {error}"
        caption = self._captions[at] if self._captions else None
        return Photo(
            self._name(at, source),
            Path() if source is None else source,
            label,
            evidence=evidence,
            split=self._split or None,
            groups={name: values[at] for name, values in self._groups.items()},
            caption=None if caption is None else str(caption),
            fault=fault,
        )

    def _name(self, at: int, source: Source | None) -> str:
        if self._ids:
            return str(self._ids[at])
        if isinstance(source, Path) and self._root and source.is_relative_to(self._root):
            return source.relative_to(self._root).as_posix()
        return f"{self._split}/{at:06d}" if self._split else f"{at:06d}"

    def _find_label(self, value: Any) -> tuple[str | None, str | None]:
        values = value if isinstance(value, list) else [value]
        found = {name for name in map(self._label, values) if name is not None}
        if len(found) == 1:
            return found.pop(), None
        if not found:
            return None, "no label"
        return None, f"no single label: {list_some(sorted(found))}"

    def _find_evidence(self, at: int, label: str | None) -> Evidence | None:
        params = self._params
        if self._masks:
            return _mask(self._masks, at, params.mask_values)
        if not self._boxes:
            return None
        boxes, labels = self._boxes[at], self._labels[at]
        if isinstance(labels, list) and boxes is not None:
            boxes = [
                box for box, one in zip(boxes, labels, strict=True) if self._label(one) == label
            ]
        if boxes is None or len(boxes) == 0:
            return None
        return Annotated(boxes_of(boxes, params.box_format), None, params.box_unit == "shares")


def _mask(masks: Images, at: int, values: Sequence[int] | None) -> MaskImage | None:
    source = masks.source(at)
    if source is None:
        return None
    chosen = None if values is None else tuple(values)
    return MaskImage(source, chosen, f"row {at} {masks.sizes[at]}")
