"""What every dataset promises."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rateval.api.protocols import Dataset, Split
from rateval.api.values import Sample, Skipped
from rateval.data.checked import CheckedDataset, CheckedSplit
from rateval.errors import PluginError
from rateval.testing.failure import ConformanceError, part, require, require_members

_LOOKED_AT = 16


def check_dataset(dataset: Dataset, again: Dataset | None = None) -> None:
    """Check classes, splits and the first samples of each.

    ``again`` is a second object made from the same params: identities and samples must be equal.
    Raises ConformanceError at the first broken promise.
    """
    require_members(dataset, Dataset)
    with part("Dataset.classes"):
        _check_classes(dataset.classes)
    with part("Dataset.wordings"):
        _check_wordings(dataset)
    count = len(dataset.classes)
    with part("Dataset.test"):
        _check_split(dataset.test, "Dataset.test", count)
    with part("Dataset.has_masks"):
        _check_masks(dataset)
    with part("Dataset.train"):
        if dataset.train is not None:
            _check_split(dataset.train, "Dataset.train", count)
            _check_identities(dataset.train, dataset.test)
    with part("Dataset"):
        if again is not None:
            _check_again(dataset, again)


def _check_classes(classes: object) -> None:
    require(
        isinstance(classes, tuple)
        and len(classes) > 0
        and all(isinstance(name, str) and name.strip() for name in classes)
        and len(set(classes)) == len(classes),
        "Dataset.classes",
        "be a tuple of different names, at least one",
        repr(classes),
    )


def _check_wordings(dataset: Dataset) -> None:
    try:  # what its classes are called in a text, where it says so
        CheckedDataset(dataset, "Dataset")
    except PluginError as error:
        raise ConformanceError(str(error)) from error


def _check_masks(dataset: Dataset) -> None:
    masks = dataset.has_masks
    require(isinstance(masks, bool), "Dataset.has_masks", "be a bool", repr(masks))
    if not masks:
        seen = [s.id for s in _first(dataset.test) if isinstance(s, Sample) and s.mask is not None]
        require(not seen, "Dataset.has_masks", "be True when test has masks", f"masks of {seen}")


def same_sample(one: Sample | Skipped, other: Sample | Skipped) -> bool:
    """Return whether two samples are equal by value: pixels, masks and what they depict."""
    if isinstance(one, Skipped) or isinstance(other, Skipped):
        return one == other
    first, second = (_masks_of(sample) for sample in (one, other))
    known = [
        (each.id, each.label, each.caption, each.asked, [it.label for it in each.depicted])
        for each in (one, other)
    ]
    if known[0] != known[1] or not all(map(_same_mask, first, second)):
        return False
    return np.array_equal(np.asarray(one.image), np.asarray(other.image))


def _masks_of(sample: Sample) -> list[NDArray[np.bool_] | None]:
    return [sample.mask, *(it.mask for it in sample.depicted)]


def _same_mask(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


def check_sample(sample: Sample, where: str, classes: int) -> None:
    """Check the form of one sample. Raises ConformanceError."""
    where = f"{where}: sample {sample.id!r}"
    require(isinstance(sample.id, str) and sample.id != "", where, "have an id", repr(sample.id))
    image = sample.image
    is_rgb = isinstance(image, Image.Image) and image.mode == "RGB"
    require(is_rgb, where, "have a PIL image of mode RGB", getattr(image, "mode", repr(image)))
    in_range = type(sample.label) is int and 0 <= sample.label < classes
    require(in_range, where, f"have an int label in [0, {classes})", repr(sample.label))
    mask = sample.mask
    if mask is not None:
        size = (image.height, image.width)
        fits = isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.shape == size
        got = f"{getattr(mask, 'shape', '')} {getattr(mask, 'dtype', type(mask).__name__)}"
        require(fits, where, f"have a mask of the image's size, {size} bool", got)


def _first(split: Split) -> Sequence[Sample | Skipped]:
    return split.samples(range(min(len(split), _LOOKED_AT)))


def _check_split(split: Split, where: str, classes: int) -> None:
    require_members(split, Split)
    identity = split.identity
    is_name = isinstance(identity, str) and bool(identity)
    require(is_name, f"{where}.identity", "be a string that is not empty", repr(identity))
    require(len(split) > 0, where, "hold a sample", "none")
    samples = _first(split)
    wanted = min(len(split), _LOOKED_AT)
    require(len(samples) == wanted, f"{where}.samples", f"return {wanted} samples", len(samples))
    for sample in samples:
        known = isinstance(sample, Sample | Skipped)
        require(known, f"{where}.samples", "return Sample or Skipped", repr(sample))
        if isinstance(sample, Sample):
            check_sample(sample, where, classes)
    ids = [sample.id for sample in samples]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    require(not twice, f"{where}.samples", "have ids that are unique in their split", twice)
    with part(f"{where}.samples"):
        _check_independence(split, samples, where)
    try:  # what a run asks of it besides, such as that it lists what it holds
        CheckedSplit(split, where, classes).samples(range(wanted))
    except PluginError as error:
        raise ConformanceError(str(error)) from error


def _check_independence(split: Split, samples: Sequence[Sample | Skipped], where: str) -> None:
    backwards = split.samples(range(len(samples) - 1, -1, -1))
    ids = [sample.id for sample in backwards]
    require(
        ids == [sample.id for sample in reversed(samples)],
        f"{where}.samples",
        "keep to the order of the indices",
        ids,
    )
    alone = [split.samples([index])[0] for index in range(len(samples))]
    for sample, back, single in zip(samples, reversed(backwards), alone, strict=True):
        require(
            same_sample(sample, back) and same_sample(sample, single),
            f"{where}.samples",
            "give a sample that doesn't depend on those beside it or on earlier calls",
            f"different samples for {sample.id!r}",
        )
    with ThreadPoolExecutor(4) as threads:  # as a run asks
        found = threads.map(lambda index: split.samples([index])[0], range(len(samples)))
        for sample, beside in zip(samples, found, strict=True):
            require(
                same_sample(sample, beside),
                f"{where}.samples",
                "give the same samples when several threads ask for one each",
                f"another sample for {sample.id!r}",
            )


def _check_identities(train: Split, test: Split) -> None:
    pairs = zip(_first(train), _first(test), strict=False)
    alike = len(train) == len(test) and all(same_sample(one, other) for one, other in pairs)
    require(
        alike or train.identity != test.identity,
        "Split.identity",
        "differ between splits with different samples",
        f"{train.identity!r} for train and test",
    )


def _check_again(dataset: Dataset, again: Dataset) -> None:
    for name in ("train", "test"):
        one: Split | None = getattr(dataset, name)
        other: Split | None = getattr(again, name)
        if one is None or other is None:
            require(one is other, f"Dataset.{name}", "be the same for the same params", "one None")
            continue
        require(
            one.identity == other.identity,
            f"Dataset.{name}.identity",
            "be equal for equal params",
            f"{one.identity!r} and {other.identity!r}",
        )
        pairs = zip(_first(one), _first(other), strict=True)
        require(
            all(same_sample(left, right) for left, right in pairs),
            f"Dataset.{name}",
            "hold equal samples for equal identities",
            "different samples",
        )
