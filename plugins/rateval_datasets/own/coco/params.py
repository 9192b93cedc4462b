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
    questions: OnDisk | BySplit | None = None
    """JSON file of questions about the photos as VQA's, or one for each split of annotations: a
    sample is then a question, several may be about one photo, and the answer that most people gave
    stands for the label. None asks nothing."""
    answers: OnDisk | BySplit | None = None
    """JSON file of the answers to the questions as VQA's annotations, or one for each split. None
    takes those that stand with the questions."""
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
        named = set(self.annotations) if isinstance(self.annotations, dict) else set()
        for key, what in (("root", "folder"), ("questions", "file"), ("answers", "file")):
            given = getattr(self, key)
            if isinstance(given, dict) and set(given) != named:
                raise ValueError(
                    f"{key} names other splits than annotations; give a {what} for each"
                )
        return self

    @model_validator(mode="after")
    def _check_questions(self) -> Self:
        if self.questions is None:
            if self.answers is not None:
                raise ValueError("answers needs questions, the file of what is asked")
            return self
        several = isinstance(self.annotations, dict)
        for key in ("questions", "answers"):
            given = getattr(self, key)
            if given is not None and isinstance(given, dict) != several:
                raise ValueError(f"{key}: give one file, or one for each split, as annotations has")
        useless = [k for k in ("label", "labels", "class_names") if k in self.model_fields_set]
        if useless:
            raise ValueError(
                "questions: the answer that most people gave stands for the label, so leave out "
                f"{', '.join(useless)}"
            )
        return self

    @property
    def task(self) -> str:
        """Name of the task that the files pose."""
        return "classification" if self.questions is None else "vqa"
