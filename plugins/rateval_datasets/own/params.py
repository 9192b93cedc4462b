"""Params of the readers of people's own data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from rateval.api import Params
from rateval_datasets.on_disk import OnDisk


def _check_split(value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        raise ValueError(
            'must be shares such as { test = 0.2 }, or list files such as { test = "test.txt" }'
        )
    numbers = [share for share in value.values() if isinstance(share, int | float)]
    if any(isinstance(share, bool) for share in numbers):
        raise ValueError("must be shares between 0 and 1, or paths of list files")
    if not numbers:
        return value
    if len(numbers) < len(value):
        raise ValueError("must be either shares or list files, not both")
    total = sum(numbers)
    if min(numbers) <= 0 or total > 1 + 1e-9:
        raise ValueError(
            f"shares must be above 0 and sum up to 1 at most; they sum up to {total:g}"
        )
    if total < 1 - 1e-9:
        if "train" in value:
            raise ValueError(f"shares must sum up to 1; they sum up to {total:g}")
        return {"train": 1 - total, **value}
    return value


SplitParam = Annotated[
    dict[str, float] | dict[str, OnDisk], BeforeValidator(_check_split), Field(min_length=1)
]
"""Shares of named splits, or their list files."""


MaskValues = Annotated[tuple[Annotated[int, Field(ge=0, le=2**31 - 1)], ...], Field(min_length=1)]
"""Stored values of a mask's pixels that are evidence."""

Column = Annotated[str, Field(min_length=1)]
"""Name of a table's column."""

BoxFormat = Literal["xyxy", "xywh", "cxcywh"]
"""Two corners; a corner, width and height; or the centre, width and height."""

LOSSY = (".jpg", ".jpeg")
"""Endings, in lower case, of files that cannot be masks."""

BoxUnit = Literal["pixels", "shares"]
"""``shares`` of a photo's width and height are between 0 and 1."""


def _check_colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise ValueError('must be a colour such as "#ffffff"')
    return value.lower()


class PhotoParams(Params):
    """What all readers of people's own photos have in common."""

    classes: tuple[str, ...] | OnDisk | None = None
    """Labels in the order of their indices, as a list or a file with one a line; a head that was
    trained elsewhere needs the order of its classes. None sorts the labels that are found."""
    class_names: dict[str, str] | OnDisk | None = None
    """What prompts call a label: a table such as { kettle_v2 = "kettle" }, or a file with lines of
    "label,name" or a JSON object. Other labels are called as they are, with a blank for each "_".
    """
    split: SplitParam | None = None
    """How to divide the photos: shares, drawn by a digest of the ids within each class, such as
    { test = 0.2 } (the rest is for training), or list files of ids, such as
    { train = "train.txt", test = "test.txt" }. None takes what the files say; where they say
    nothing, all photos are for testing."""
    test_split: str | None = Field(default=None, min_length=1)
    """Name of the split that is tested. None takes "test", else "val"."""
    train_split: str | None = Field(default=None, min_length=1)
    """Name of the split that is trained on. None takes "train" where there is one."""
    split_seed: int = Field(default=0, ge=0, le=2**63 - 1)
    """Draws other photos for the same shares; not the study's seed, so that repetitions share their
    test photos."""
    group_by: str | None = Field(default=None, min_length=1)
    """Column whose values must not be torn apart by the split, such as "patient"."""
    exif: Literal["apply", "ignore"] = "apply"
    """Whether a photo is turned as its EXIF says, which is how people and annotation tools see it;
    evidence must be of the same view."""
    background: Annotated[str, AfterValidator(_check_colour)] = "#ffffff"
    """What is seen through transparent pixels."""
    decode: Literal["exact", "fast"] = "exact"
    """``fast`` lets a JPEG's decoder scale it down, by 1/2, 1/4 or 1/8, as long as its shorter side
    keeps 512 pixels: quicker, but not the same pixels."""

    @model_validator(mode="after")
    def _check_seed(self) -> Self:
        if "split_seed" in self.model_fields_set and self.split is None:
            raise ValueError("split_seed needs split with shares, for it draws them")
        return self


def _check_pattern(value: str) -> str:
    try:
        names = re.compile(value).groupindex
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    if not names:
        raise ValueError('must name a group, such as "(?P<patient>p[0-9]+)_"')
    return value


class FolderParams(PhotoParams):
    """Photos in folders, one for each class."""

    fetched_piecewise: ClassVar[frozenset[str]] = frozenset({"root", "masks"})

    root: OnDisk
    """Folder with <class>/<photo>, or with {train,val,test}/<class>/<photo>."""
    masks: OnDisk | None = None
    """Folder of masks, images of their photo's size: <class>/<name>.png for <class>/<name>.jpg, in
    the same folders as in root or without those of the splits. None, here and in coco, means no
    evidence."""
    mask_values: MaskValues | None = None
    """Values of a mask's pixels that are evidence, such as [1, 3] of a label map; of a palette they
    are indices. None counts every pixel above 0."""
    coco: OnDisk | None = None
    """COCO file of instances in place of masks; the objects of a photo's class are its evidence.
    Its file_name is the photo's path, or the end of it."""
    crowds: bool = True
    """Whether regions that the COCO file marks as crowds are evidence."""
    groups: Annotated[str, AfterValidator(_check_pattern)] | None = None
    """Regular expression that is searched in a photo's id and names columns by its groups, such as
    "(?P<camera>cam[0-9])_(?P<patient>p[0-9]+)": reports slice by them, and group_by may name one.
    """

    @model_validator(mode="after")
    def _check_evidence(self) -> Self:
        if self.masks is not None and self.coco is not None:
            raise ValueError("give either masks or coco as evidence, not both")
        if self.mask_values is not None and self.masks is None:
            raise ValueError("mask_values needs masks")
        if "crowds" in self.model_fields_set and self.coco is None:
            raise ValueError("crowds needs coco")
        return self


class OnePhotoParams(Params):
    """One photo, as ``rateval look`` asks for it."""

    image: OnDisk
    """The photo's file."""
    classes: Annotated[tuple[str, ...], Field(min_length=1)] | OnDisk | None = None
    """Labels that it may have, as a list or a file with one a line; prompts read "_" as a blank.
    None asks for a text instead: an answer where there is a question, else a caption."""
    question: Annotated[str, Field(pattern=r"\S")] | None = None
    """What is asked of it, in the place of classes."""
    label: str | None = None
    """The class, or the answer, that is right. None takes the first class, and for an answer "?":
    what is said of right and wrong means nothing then."""
    mask: OnDisk | None = None
    """Its evidence, an image of the photo's size that counts above 0; never a JPEG."""
    exif: Literal["apply", "ignore"] = "apply"
    """Whether the photo is turned as its EXIF says; the mask must be of the same view."""

    @property
    def task(self) -> str:
        """Name of the task that the photo poses."""
        if self.classes is not None:
            return "classification"
        return "captioning" if self.question is None else "vqa"

    @model_validator(mode="after")
    def _check_question(self) -> Self:
        if self.classes is not None and self.question is not None:
            raise ValueError("question: is answered by a text, not by one of classes; leave one")
        return self

    @field_validator("mask", mode="after")
    @classmethod
    def _check_mask(cls, mask: Path | None) -> Path | None:
        if mask is not None and mask.suffix.lower() in LOSSY:
            raise ValueError("JPEG doesn't keep the numbers that were stored; save the mask as PNG")
        return mask
