"""Params of the reader of annotated photos."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rateval_datasets.on_disk import OnDisk
from rateval_datasets.own.params import PhotoParams


class DatumaroParams(PhotoParams):
    """Annotated photos in a format that datumaro reads."""

    root: OnDisk
    """Folder of photos and annotations, as the format has them."""
    format: str = Field(default="auto", min_length=1)
    """Name of the format, as datumaro calls it: "coco_instances", "cvat", "datumaro", "label_me",
    "open_images", "voc", "yolo" (also with outlines) and others. ``auto`` looks which one fits."""
    label: Literal["annotations", "folder"] = "annotations"
    """Where a photo's label comes from. ``annotations``: its own label, else the class of its
    objects; with several classes the photo is skipped. ``folder``: the folder that it lies in, and
    objects of that class are its evidence."""
    crowds: bool = True
    """Whether regions that COCO marks as crowds are evidence; tools mark masks of pixels so, too.
    """
