"""Params of the readers of public datasets.

``protocol`` is ``matched`` or ``aaai25``. The first reads a dataset as it is meant; the second
repeats what shaped the published figures of Wang et al., AAAI 2025 (arXiv 2412.13333), defects
included.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from rateval.api import Params
from rateval_datasets.on_disk import OnDisk

Corruption = Literal[
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
    "speckle_noise",
    "gaussian_blur",
    "spatter",
    "saturate",
]
"""ImageNet-C's fifteen corruptions, and its four extra ones at the end."""


class ImageNetParams(Params):
    """Where ImageNet lies and what its classes are called."""

    fetched_piecewise: ClassVar[frozenset[str]] = frozenset({"root"})

    root: OnDisk
    """Folder of ILSVRC2012: either Kaggle's, with Data/CLS-LOC, Annotations/CLS-LOC,
    LOC_synset_mapping.txt and LOC_val_solution.csv (the first two also below ILSVRC); or one with
    val/<wnid>/*.JPEG and, to train, train/<wnid>/*.JPEG."""
    annotations: OnDisk | None = None
    """Folder with val/*.xml and train/<wnid>/*.xml, the boxes that are the evidence. None takes
    Annotations/CLS-LOC of Kaggle's layout; in the other layout it means no evidence."""
    synsets: OnDisk | None = None
    """File like LOC_synset_mapping.txt: a line "wnid names, …" for each class, in the order of the
    labels. None takes the one in root; without it classes are the folders of val, sorted."""
    class_names: OnDisk | None = None
    """File with one class name a line, in the order of the labels. None takes the first name of
    each synset."""
    protocol: Literal["matched", "aaai25"] = "matched"
    """``matched``: "crane bird" and "construction crane", "maillot" and "tank suit". ``aaai25``:
    the first names alone, so that "crane" and "maillot" are each two classes with one prompt; test
    images are resized to 256 pixels at their shorter side and cut to their central 224 x 224."""


class ImageNetCParams(Params):
    """Which corruption of ImageNet's validation images to read, and how strong."""

    fetched_piecewise: ClassVar[frozenset[str]] = frozenset({"root", "imagenet"})

    root: OnDisk
    """Folder of ImageNet-C: <corruption>/<severity>/<wnid>/*.JPEG, as its archives unpack."""
    corruption: Corruption
    """One of the fifteen corruptions, or of the four extra ones: speckle_noise, gaussian_blur,
    spatter, saturate."""
    severity: int = Field(ge=1, le=5)
    """1, the weakest, to 5."""
    imagenet: OnDisk | None = None
    """ImageNet's own folder, as ``imagenet`` takes it for root: its training split is this
    dataset's, so that both share what was trained on it. None means no training split."""
    annotations: OnDisk | None = None
    """Folder with val/*.xml of ImageNet, such as Annotations/CLS-LOC: boxes and image sizes, from
    which the evidence is made by the resize and crop that ImageNet-C was made by. None takes the
    one that ``imagenet`` holds; without either there is no evidence."""
    synsets: OnDisk | None = None
    """ImageNet's LOC_synset_mapping.txt: a line "wnid names, …" for each class, in the order of
    the labels. None takes the one that ``imagenet`` holds; without either the classes are the
    folders, sorted, and class_names must be given."""
    class_names: OnDisk | None = None
    """File with one class name a line, in the order of the labels. None takes the first name of
    each synset."""
    protocol: Literal["matched", "aaai25"] = "matched"
    """Class names and boxes as in ``imagenet``: ``aaai25`` has "crane" and "maillot" twice and
    cuts the corners of boxes to whole pixels. Its resizing to 224 pixels changes nothing here, as
    that is the size of the files."""


class Caltech101Params(Params):
    """Where Caltech-101 lies and how it is split."""

    fetched_piecewise: ClassVar[frozenset[str]] = frozenset({"root"})

    root: OnDisk
    """Folder with 101_ObjectCategories/<class>/image_XXXX.jpg and
    Annotations/<class>/annotation_XXXX.mat."""
    background: bool = False
    """Whether BACKGROUND_Google is a class; its images have no contours."""
    train_per_class: int = Field(default=30, ge=1, le=800)
    """Training images of each class; all others are for testing. The dataset has no split of its
    own; 30 is its usual number."""
    split_seed: int = Field(default=0, ge=0, le=2**63 - 1)
    """Chooses the training images, by a hash of seed and file name: the same everywhere. Not the
    study's seed, so that repetitions share their test images."""
    protocol: Literal["matched", "aaai25"] = "matched"
    """``aaai25``: "background google" is a class that no image has; every fifth image with a
    contour, from the second on, is for testing and the others for training; contours are cut to
    whole pixels and lie one pixel lower and further right; test images are resized to 224 pixels at
    their shorter side and cut to their central 224 x 224."""

    @model_validator(mode="after")
    def _check_protocol(self) -> Self:
        fixed = sorted({"background", "split_seed", "train_per_class"} & self.model_fields_set)
        if self.protocol == "aaai25" and fixed:
            raise ValueError(
                f'protocol = "aaai25" fixes classes and split: leave out {", ".join(fixed)}, or '
                'set protocol = "matched"'
            )
        return self


class Cub200Params(Params):
    """Where CUB-200-2011 lies."""

    fetched_piecewise: ClassVar[frozenset[str]] = frozenset({"root"})

    root: OnDisk
    """Folder with CUB_200_2011/ (images.txt, image_class_labels.txt, classes.txt,
    train_test_split.txt, images/) and segmentations/<class>/<name>.png, which is an archive of its
    own and may also lie inside CUB_200_2011."""
    protocol: Literal["matched", "aaai25"] = "matched"
    """``matched``: the official split; a mask is where at least three of five annotators saw the
    bird (grey value 128 or more). ``aaai25``: line i of train_test_split.txt applied to the i-th
    image in alphabetical order, and a mask only where all five agree (grey value 255), so that
    some masks vanish; test images and the masks' grey values are resized to 256 pixels at their
    shorter side and cut to their central 224 x 224."""


class StanfordDogsParams(Params):
    """Where Stanford Dogs lies."""

    fetched_piecewise: ClassVar[frozenset[str]] = frozenset({"root"})

    root: OnDisk
    """Folder with Images/<class>/*.jpg, Annotation/<class>/<name> (XML without an ending),
    train_list.mat and test_list.mat (also below lists/)."""
    protocol: Literal["matched", "aaai25"] = "matched"
    """``matched``: whole class names; evidence is the union of all boxes. ``aaai25``: class names
    end at their first "-" ("shih", "black", "wire", …, 7 of 120); evidence is the last box alone;
    images that are not RGB or RGBA are skipped, as the published code crashes on them; test images
    are resized to 224 pixels at their shorter side and cut to their central 224 x 224."""
