"""Params of the readers of public datasets of captions."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from rateval.api import Params
from rateval_datasets.on_disk import OnDisk


class CocoCaptionsParams(Params):
    """Where COCO's captions lie, and what its classes are called in a text."""

    fetched_piecewise: ClassVar[frozenset[str]] = frozenset({"root"})

    root: OnDisk
    """Folder with annotations/captions_val2017.json, annotations/instances_val2017.json and
    val2017/*.jpg, which may also lie in images/; the same of train2017 to train on."""
    year: Literal["2017", "2014"] = "2017"
    """Which division of the photos: 2017, or 2014 with 40,504 photos to test on."""
    train: bool = True
    """Whether there is a training split, if its captions are there."""
    synonyms: OnDisk | None = None
    """Text file of what each class is called: a line for each, names with commas between them, one
    of which is COCO's. CHAIR's own synonyms.txt is one. None is rateval's own list."""
    crowds: bool = True
    """Whether regions that are marked as crowds belong to the masks."""


class Flickr30kEntitiesParams(Params):
    """Where Flickr30k Entities lies, and what counts as a class."""

    fetched_piecewise: ClassVar[frozenset[str]] = frozenset({"root", "images"})

    root: OnDisk
    """Folder with Annotations/<id>.xml, Sentences/<id>.txt and the lists train.txt, val.txt and
    test.txt."""
    images: OnDisk | None = None
    """Folder with the photos, <id>.jpg; None is flickr30k-images, flickr30k_images or images below
    root."""
    part: Literal["test", "val"] = "test"
    """Photos to test on; its phrases make the classes."""
    least: int = Field(default=10, ge=1)
    """A noun is a class if that many phrases of the part, or more, are about it."""
    train: bool = True
    """Whether there is a training split, if train.txt is there."""
