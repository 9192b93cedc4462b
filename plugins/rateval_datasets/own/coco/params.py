"""Params of the reader of COCO files."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from rateval_datasets.on_disk import OnDisk, begin_beside
from rateval_datasets.own.params import PhotoParams

BySplit = Annotated[dict[str, OnDisk], Field(min_length=1)]
"""Name of a split to its path."""


class CocoParams(PhotoParams):
    """Photos with their instances in COCO files."""

    fetched_piecewise: ClassVar[frozenset[str]] = frozenset({"root"})

    annotations: OnDisk | BySplit
    """The JSON file of instances, or one for each split, such as
    { train = "train.json", test = "test.json" }."""
    root: OnDisk | BySplit | None = None
    """Folder where the photos' file_name begins, or one for each split of annotations, such as
    { train = "train2017", test = "val2017" }. None is the folder of each JSON file."""
    label: Literal["annotations", "folder"] = "annotations"
    """Where a photo's label comes from. ``annotations``: the category of its objects; with several
    the photo is skipped. ``folder``: the folder in its file_name, and objects of that category are
    its evidence."""
    labels: OnDisk | None = None
    """Table (CSV, Parquet or JSON Lines) with the columns file_name and label, in place of label;
    objects of that category are a photo's evidence."""
    crowds: bool = True
    """Whether regions that are marked as crowds are evidence; tools mark masks of pixels so, too.
    """

    @model_validator(mode="before")
    @classmethod
    def _begin_beside(cls, values: Any) -> Any:
        return begin_beside(values, "annotations")

    @model_validator(mode="after")
    def _check_sources(self) -> Self:
        if self.labels is not None and "label" in self.model_fields_set:
            raise ValueError("give either label, or labels, a table")
        if isinstance(self.annotations, dict) and self.split is not None:
            raise ValueError("split: annotations name the splits already; give one JSON file")
        if isinstance(self.root, dict):
            named = set(self.annotations) if isinstance(self.annotations, dict) else set()
            if set(self.root) != named:
                raise ValueError("root names other splits than annotations; give a folder for each")
        return self
