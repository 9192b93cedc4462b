"""Params of the reader of the library ``datasets``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from rateval_datasets.on_disk import OnDisk
from rateval_datasets.own.params import BoxFormat, BoxUnit, Column, MaskValues, PhotoParams


class HuggingFaceParams(PhotoParams):
    """A dataset of the library ``datasets``, from this computer alone."""

    root: OnDisk | None = None
    """Folder that save_to_disk wrote, or one with Parquet or Arrow files, or with photos as the
    library's "imagefolder" has them."""
    cached: str | None = Field(default=None, min_length=1)
    """Name of a dataset, owner/dataset, that load_dataset has put into the cache of this computer
    before, in place of root; nothing is downloaded."""
    config: str | None = Field(default=None, min_length=1)
    """Which of the configurations of ``cached``."""
    cache: OnDisk | None = None
    """Where the library unpacks Parquet files to, and finds ``cached``. None is its own place."""
    image: Column = "image"
    """Column of the photos; here and below "objects.bbox" is the part bbox of the column objects.
    """
    label: Column = "label"
    """Column of the labels: classes, text or whole numbers, or lists of them. Where a list holds
    several of them the photo is skipped."""
    mask: Column | None = None
    """Column of masks, images of their photo's size. None, here and in boxes, means no evidence."""
    mask_values: MaskValues | None = None
    """Values of a mask's pixels that are evidence. None counts every pixel above 0."""
    boxes: Column | None = None
    """Column of one box or a list of boxes; where label is a list, too, those of the label count.
    """
    box_format: BoxFormat = "xyxy"
    """Two corners; a corner, width and height; or the centre, width and height."""
    box_unit: BoxUnit = "pixels"
    """``shares`` of the photo's width and height are between 0 and 1."""
    caption: Column | None = None
    """Column of sentences about the photos, for contrastive fine-tuning."""
    id: Column | None = None
    """Column of the photos' ids. None numbers them within their split."""

    def on_disk(self) -> Mapping[tuple[str | int, ...], Path]:
        """Return what must be there: the library makes its cache itself."""
        return {at: path for at, path in super().on_disk().items() if at != ("cache",)}

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if (self.root is None) == (self.cached is None):
            raise ValueError(
                "give either root, a folder, or cached, the name of a dataset in the cache"
            )
        if self.config is not None and self.cached is None:
            raise ValueError("config belongs to cached; a folder has none")
        if self.mask is not None and self.boxes is not None:
            raise ValueError("give either mask or boxes as evidence, not both")
        if self.mask_values is not None and self.mask is None:
            raise ValueError("mask_values needs mask")
        return self
