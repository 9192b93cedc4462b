"""Params of the readers of public datasets of questions."""

from __future__ import annotations

from typing import ClassVar, Literal

from rateval.api import Params
from rateval_datasets.on_disk import OnDisk


class GqaParams(Params):
    """Where GQA lies, and which of its questions are asked."""

    fetched_piecewise: ClassVar[frozenset[str]] = frozenset({"root"})

    root: OnDisk
    """Folder with images/<id>.jpg, questions/{train,val,testdev}_balanced_questions.json and
    sceneGraphs/{train,val}_sceneGraphs.json."""
    part: Literal["val", "testdev"] = "val"
    """Questions to test on. Scene graphs, and so regions, are published of val alone."""
    train: bool = True
    """Whether there is a training split, if its file is there: 1 GB, of which all answers are read
    at once, and the rest when it is trained on."""


class VqaV2Params(Params):
    """Where VQA v2 lies."""

    fetched_piecewise: ClassVar[frozenset[str]] = frozenset({"root"})

    root: OnDisk
    """Folder with v2_OpenEnded_mscoco_{train2014,val2014}_questions.json,
    v2_mscoco_{train2014,val2014}_annotations.json and COCO's {train2014,val2014}/*.jpg, which may
    also lie in images/."""
    train: bool = True
    """Whether there is a training split, if its files are there."""


class VizWizParams(Params):
    """Where VizWiz-VQA-Grounding lies."""

    fetched_piecewise: ClassVar[frozenset[str]] = frozenset({"root"})

    root: OnDisk
    """Folder with {train,val}_grounding.json and the photos in {train,val}/*.jpg."""
    evidence: Literal["outlines", "masks"] = "outlines"
    """``outlines`` of the JSON files, or ``masks``: binary_masks_png/{train,val}/*.png."""
    train: bool = True
    """Whether there is a training split, if its file is there."""
