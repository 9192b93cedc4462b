"""Public datasets, known by how their official archives unpack."""

from __future__ import annotations

import re
from pathlib import Path

from rateval.modelkit import Clues, Guess
from rateval_datasets.layout import folders_in

_WNID = re.compile(r"n\d{8}")
_IMAGENET = 1000
"""Classes of ImageNet; fewer of them are photos in class folders."""


def _root(clues: Clues, inner: str, mark: str) -> Path | None:
    """Return the root below which ``inner/mark`` lies: what was given, or the folder above it."""
    given = clues.data
    if given is None or not given.is_dir():
        return None
    if (given / inner / mark).exists():
        return given
    return given.parent if given.resolve().name == inner and (given / mark).exists() else None


def detect_cub200(clues: Clues) -> Guess | None:
    """Return CUB-200-2011."""
    root = _root(clues, "CUB_200_2011", "train_test_split.txt")
    return None if root is None else Guess("CUB-200-2011's lists", {"root": str(root)}, 3)


def detect_caltech101(clues: Clues) -> Guess | None:
    """Return Caltech-101."""
    root = clues.data
    if root is None or not (root / "101_ObjectCategories").is_dir():
        return None
    return Guess("Caltech-101's folders", {"root": str(root)}, 3)


def detect_stanford_dogs(clues: Clues) -> Guess | None:
    """Return Stanford Dogs."""
    root = clues.data
    if root is None or not (root / "Images").is_dir() or not (root / "Annotation").is_dir():
        return None
    lists = [root / "train_list.mat", root / "lists" / "train_list.mat"]
    if not any(path.is_file() for path in lists):
        return None
    return Guess("Stanford Dogs' folders and lists", {"root": str(root)}, 3)


def detect_imagenet(clues: Clues) -> Guess | None:
    """Return ImageNet, in Kaggle's layout or with one folder for each of its classes."""
    root = clues.data
    if root is None or not root.is_dir():
        return None
    kaggle = any((base / "Data" / "CLS-LOC").is_dir() for base in (root / "ILSVRC", root))
    if kaggle:
        return Guess("ImageNet as Kaggle has it", {"root": str(root)}, 3)
    classes = [name for name in folders_in(root / "val") if _WNID.fullmatch(name)]
    if len(classes) < _IMAGENET:
        return None
    annotations = root / "annotations"
    params = {"root": str(root)}
    params |= {"annotations": str(annotations)} if annotations.is_dir() else {}
    return Guess("ImageNet's validation images in class folders", params, 3)


def detect_imagenet_c(clues: Clues) -> Guess | None:
    """Return ImageNet-C's first corruption, which lacks the folder of ImageNet itself."""
    root = clues.data
    if root is None or not root.is_dir():
        return None
    for corruption in folders_in(root):
        severities = folders_in(root / corruption)
        if severities and set(severities) <= set("12345"):
            inner = folders_in(root / corruption / severities[0])
            if inner and all(_WNID.fullmatch(name) for name in inner):
                return Guess(
                    f"ImageNet-C's folders, such as {corruption}/{severities[0]}",
                    {"root": str(root), "corruption": corruption, "severity": int(severities[0])},
                    3,
                    lacks="ImageNet's own folder, which says its classes and boxes; write the spec "
                    "by hand (docs/datasets.md, imagenet-c)",
                )
    return None
