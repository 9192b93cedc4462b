"""Params of the reader of tables."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from rateval_datasets.on_disk import OnDisk, begin_beside
from rateval_datasets.own.params import BoxFormat, BoxUnit, Column, MaskValues, PhotoParams

Found = Column | Literal[False] | None
"""A column by its name, the one of the usual name (None), or none (False)."""


class TableParams(PhotoParams):
    """Photos that a table lists, one in each row."""

    fetched_piecewise: ClassVar[frozenset[str]] = frozenset({"root"})

    file: OnDisk
    """The table: .csv (cells parted by ",", ";" or tabs), .tsv, .parquet, .jsonl or .ndjson.
    Columns that no parameter takes are groups."""
    root: OnDisk | None = None
    """Folder where the paths of photos and masks begin. None is the table's own."""
    image: Column = "image"
    """Column of the photos' paths."""
    label: Column = "label"
    """Column of the labels, text or whole numbers. A photo without one is skipped."""
    question: Column | None = None
    """Column of questions about the photos: a row is then a question, several may be about one
    photo, and the first answer stands for the label. None asks nothing."""
    answers: Column = "answers"
    """Column of the answers to a question: one, a list, or several parted by "|"; an answer once
    for each person who gave it. It is read where a question is asked."""
    mask: Found = None
    """Column of the paths of masks, images of their photo's size. None takes "mask" where there is
    such a column; false takes none, here and below."""
    mask_values: MaskValues | None = None
    """Values of a mask's pixels that are evidence. None counts every pixel above 0."""
    polygons: Found = None
    """Column of one outline or several, which are filled. None takes "polygons" or "polygon"."""
    boxes: Found = None
    """Column of one box or several. None takes "boxes" or "box". Where a row has several forms of
    evidence its mask counts, else its outlines, else its boxes."""
    box_format: BoxFormat = "xyxy"
    """Two corners; a corner, width and height; or the centre, width and height."""
    box_unit: BoxUnit = "pixels"
    """``shares`` of the photo's width and height are between 0 and 1; outlines have this unit, too.
    """
    coco: OnDisk | None = None
    """COCO file of instances as evidence, where no column holds any; the objects of a photo's class
    are its evidence. Its file_name is the photo's path in the table, or the end of it."""
    crowds: bool = True
    """Whether regions that the COCO file marks as crowds are evidence."""
    split_column: Found = None
    """Column of the names of splits. None takes "split". Names other than those of "train", "val"
    and "test" need test_split or train_split."""
    caption: Found = None
    """Column of sentences about the photos, for contrastive fine-tuning. None takes "caption"."""
    id: Found = None
    """Column of the photos' ids. None takes "id"; without one it is the photo's path."""

    @model_validator(mode="before")
    @classmethod
    def _begin_beside(cls, values: Any) -> Any:
        return begin_beside(values, "file")

    @model_validator(mode="after")
    def _check_evidence(self) -> Self:
        if self.mask_values is not None and self.mask is False:
            raise ValueError("mask_values needs mask")
        if "crowds" in self.model_fields_set and self.coco is None:
            raise ValueError("crowds needs coco")
        return self

    @model_validator(mode="after")
    def _check_question(self) -> Self:
        given = self.model_fields_set
        if self.question is None:
            if "answers" in given:
                raise ValueError("answers needs question, the column of what is asked")
            return self
        useless = [key for key in ("label", "class_names", "coco") if key in given]
        if useless:
            raise ValueError(
                f"question: the first answer stands for the label, so leave out "
                f"{', '.join(useless)}; evidence is a mask, outlines or boxes"
            )
        return self

    @model_validator(mode="after")
    def _check_twice(self) -> Self:
        asked = ("label",) if self.question is None else ("question", "answers")
        taken: dict[str, str] = {}
        for key in ("image", *asked, "mask", "polygons", "boxes", "split_column", "caption"):
            name = getattr(self, key)
            if isinstance(name, str) and taken.setdefault(name, key) != key:
                raise ValueError(
                    f'{taken[name]} and {key} both take the column "{name}", and a column is one '
                    "thing; name another one"
                )
        return self

    @property
    def task(self) -> str:
        """Name of the task that the table poses."""
        return "classification" if self.question is None else "vqa"
