"""ImageNet's folder given too deep or too shallow, and its flat folder of validation images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rateval.api import Context, Dataset, RatevalError
from rateval_datasets.public.imagenet import make_imagenet
from rateval_datasets.public.params import ImageNetParams


def make(root: Path, **params: Any) -> Dataset:
    return make_imagenet(ImageNetParams(root=root, **params), Context())


def refusal(root: Path, **params: Any) -> str:
    with pytest.raises(RatevalError) as caught:
        make(root, **params)
    return str(caught.value)


@pytest.mark.parametrize(
    "inner",
    [
        "ILSVRC",
        "ILSVRC/Data",
        "ILSVRC/Data/CLS-LOC",
        "ILSVRC/Data/CLS-LOC/val",
        "ILSVRC/Data/CLS-LOC/train",
        "ILSVRC/Annotations",
    ],
)
def test_too_deep_in_kaggles_layout(kaggle: Path, inner: str) -> None:
    said = refusal(kaggle / inner)
    assert f"inside the dataset: give the folder above, {kaggle}, which holds" in said


def test_too_deep_with_a_folder_for_each_class(folders: Path) -> None:
    names = folders / "names.txt"
    names.write_text("a\nb\nc\nd\ne\n")
    assert f"give the folder above, {folders}, which" in refusal(folders / "val")
    assert make(folders, class_names=names).classes == ("a", "b", "c", "d", "e")


def test_too_shallow(kaggle: Path, folders: Path) -> None:
    assert f"above the dataset: give the folder below, {folders}" in refusal(folders.parent)
    folders.rename(folders.parent / "zz")
    assert f"above the dataset: give the folder below, {kaggle}" in refusal(kaggle.parent)


def flat(kaggle: Path) -> Path:
    """Return a folder that holds Kaggle's flat ``val`` and nothing else."""
    root = kaggle.parent / "flat"
    root.mkdir()
    (kaggle / "ILSVRC/Data/CLS-LOC/val").rename(root / "val")
    return root


def test_a_flat_folder_says_that_the_labels_are_missing(kaggle: Path) -> None:
    root = flat(kaggle)
    said = refusal(root)
    assert f"{root}/val holds 5 images and no folders, and nothing says which class each" in said
    assert f"put Kaggle's LOC_val_solution.csv and LOC_synset_mapping.txt into {root}" in said
    assert f"{root}/val/<wnid>, as torchvision.datasets.ImageNet unpacks" in said


def test_a_flat_folder_is_read_with_what_it_asks_for(kaggle: Path) -> None:
    whole = make(kaggle)
    wanted = [(sample.id, sample.label) for sample in whole.test.samples(range(5))]  # type: ignore[union-attr]
    root = flat(kaggle)
    for name in ("LOC_val_solution.csv", "LOC_synset_mapping.txt"):
        assert "nothing says which class" in refusal(root)
        (kaggle / name).rename(root / name)
    found = make(root)
    assert found.classes == whole.classes
    assert [(s.id, s.label) for s in found.test.samples(range(5))] == wanted  # type: ignore[union-attr]
