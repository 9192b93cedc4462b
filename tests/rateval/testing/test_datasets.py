from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rateval.api import Sample, Skipped, Split
from rateval.testing import (
    ConformanceError,
    TinyDataset,
    check_dataset,
    check_shift,
    tiny_dataset,
)

Change = Callable[[Sample], Any]


def test_the_tiny_dataset_keeps_every_promise() -> None:
    check_dataset(tiny_dataset(unreadable=[2]), again=tiny_dataset(unreadable=[2]))
    check_dataset(tiny_dataset(train=None), again=tiny_dataset(train=None))


def test_tiny_samples_do_not_depend_on_the_size_of_their_split() -> None:
    one, other = tiny_dataset(test=4).test.samples([3])[0], tiny_dataset().test.samples([3])[0]
    assert isinstance(one, Sample)
    assert isinstance(other, Sample)
    assert one.image == other.image
    assert tiny_dataset(test=4).test.identity != tiny_dataset().test.identity


def test_the_unreadable_ones_are_skipped_with_a_reason() -> None:
    train = tiny_dataset(unreadable=[1]).train
    assert train is not None
    assert train.samples([1]) == [Skipped("0001", "unreadable on purpose")]


class Changed:
    """A split whose samples are changed on the way out."""

    def __init__(self, split: Any, change: Change) -> None:
        self.split, self.change = split, change
        self.identity = split.identity

    def __len__(self) -> int:
        return len(self.split)

    def samples(self, indices: Sequence[int]) -> list[Any]:
        return [self.change(sample) for sample in self.split.samples(indices)]


class Backwards(Changed):
    def samples(self, indices: Sequence[int]) -> list[Any]:
        return super().samples(sorted(indices))


class Counting(Changed):
    """What it gives depends on how often it was asked."""

    calls = 0

    def samples(self, indices: Sequence[int]) -> list[Any]:
        self.calls += 1
        return [
            dataclasses.replace(sample, caption=str(self.calls))
            for sample in super().samples(indices)
        ]


class Short(Changed):
    def samples(self, indices: Sequence[int]) -> list[Any]:
        return super().samples(indices)[:-1]


class Seeking(Changed):
    """What it gives is where one thread sought, and another may have sought meanwhile."""

    place = 0

    def samples(self, indices: Sequence[int]) -> list[Any]:
        found = []
        for index in indices:
            self.place = index
            time.sleep(0.02)
            found += super().samples([self.place])
        return found


def with_test(wrap: type[Changed] = Changed, **changes: Any) -> TinyDataset:
    data = tiny_dataset()

    def change(sample: Sample) -> Sample:
        return dataclasses.replace(sample, **changes) if changes else sample

    vars(data)["test"] = wrap(data.test, change)
    return data


def with_member(name: str, value: object) -> TinyDataset:
    data = tiny_dataset()
    vars(data)[name] = value
    return data


def with_identity(identity: object) -> TinyDataset:
    data = tiny_dataset()
    vars(data.test)["identity"] = identity
    return data


def raw(data: Any) -> TinyDataset:
    vars(data)["test"] = Changed(data.test, lambda sample: sample.image)
    return data  # type: ignore[no-any-return]


def raw_object() -> Any:
    return object()


def listed(**lists: Any) -> TinyDataset:
    data = tiny_dataset()
    vars(data.test).update(lists)
    return data


IDS = [f"{index:04d}" for index in range(12)]
GREY = Image.new("L", (56, 40))
BROKEN: dict[str, tuple[Callable[[], TinyDataset], str]] = {
    "classes": (lambda: with_member("classes", ["a"]), "Dataset.classes must be a tuple"),
    "same classes": (lambda: with_member("classes", ("a", "a")), "of different names"),
    "has_masks": (lambda: with_member("has_masks", 1), "Dataset.has_masks must be a bool; got 1"),
    "masks denied": (lambda: with_member("has_masks", False), "Dataset.has_masks must be True"),
    "identity": (lambda: with_identity(""), "Dataset.test.identity must be a string that is not"),
    "one identity": (
        lambda: with_identity(tiny_dataset().train.identity),  # type: ignore[union-attr]
        "Split.identity must differ between splits",
    ),
    "no split": (lambda: with_member("test", []), "Split: list must offer identity, samples"),
    "no dataset": (raw_object, "Dataset: object must offer classes, has_masks, test"),
    "empty": (lambda: tiny_dataset(test=0), "Dataset.test must hold a sample; got none"),
    "short": (lambda: with_test(Short), "Dataset.test.samples must return 12 samples; got 11"),
    "not samples": (lambda: raw(tiny_dataset()), "must return Sample or Skipped"),
    "same ids": (lambda: with_test(id="a"), r"unique in their split; got \['a'\]"),
    "empty id": (lambda: with_test(id=""), "must have an id; got ''"),
    "grey": (lambda: with_test(image=GREY), "must have a PIL image of mode RGB; got L"),
    "label": (lambda: with_test(label=3), r"must have an int label in \[0, 3\); got 3"),
    "numpy label": (lambda: with_test(label=np.int64(1)), r"must have an int label in \[0, 3\)"),
    "mask size": (
        lambda: with_test(mask=np.ones((56, 40), dtype=np.bool_)),
        r"must have a mask of the image's size, \(40, 56\) bool; got \(56, 40\) bool",
    ),
    "mask type": (lambda: with_test(mask=np.ones((40, 56))), r"got \(40, 56\) float64"),
    "listed labels": (lambda: listed(labels=[3] * 12), r"must list labels in \[0, 3\); got 3"),
    "listed otherwise": (lambda: listed(labels=[0] * 12), "have the label that is listed, 0; got"),
    "listed ids": (lambda: listed(ids=IDS[::-1]), "have the id that is listed, '0011'; got 0000"),
    "listed few": (lambda: listed(ids=IDS[1:]), "must list as many ids as samples; got 11"),
    "order": (lambda: with_test(Backwards), "must keep to the order of the indices"),
    "threads": (lambda: with_test(Seeking), "the same samples when several threads ask for one"),
    "dependence": (lambda: with_test(Counting), "a sample that doesn't depend on those beside it"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_dataset_is_named(name: str) -> None:
    make, message = BROKEN[name]
    with pytest.raises(ConformanceError, match=message):
        check_dataset(make())


@pytest.mark.parametrize(
    ("again", "message"),
    [
        (lambda: tiny_dataset(seed=1), "identity must be equal for equal params"),
        (lambda: tiny_dataset(train=None), "Dataset.train must be the same for the same params"),
        (lambda: with_test(caption="other"), "Dataset.test must hold equal samples for equal"),
        (lambda: with_test(mask=None), "Dataset.test must hold equal samples for equal"),
    ],
)
def test_a_second_object_must_be_the_same(again: Callable[[], TinyDataset], message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_dataset(tiny_dataset(), again=again())


class Darker:
    """A shift that keeps every promise."""

    def apply(self, sample: Sample) -> Sample:
        return dataclasses.replace(sample, image=sample.image.point(lambda value: value // 2))


class Replacing:
    def __init__(self, **changes: Any) -> None:
        self.changes = changes

    def apply(self, sample: Sample) -> Any:
        return dataclasses.replace(sample, **self.changes)


class Inplace:
    def apply(self, sample: Sample) -> Sample:
        sample.image.paste((0, 0, 0), (0, 0, 9, 9))
        return sample


class Random:
    def __init__(self) -> None:
        self.draw = np.random.default_rng(0)

    def apply(self, sample: Sample) -> Sample:
        noise = self.draw.integers(0, 255, (40, 56, 3), dtype=np.uint8)
        return dataclasses.replace(sample, image=Image.fromarray(noise))


class Bare:
    def apply(self, sample: Sample) -> Any:
        return sample.image


def test_a_sound_shift_passes() -> None:
    check_shift(Darker())


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (object(), "Shift: object must offer apply; got no apply"),
        (Bare(), "Shift.apply must return a Sample"),
        (Inplace(), "Shift.apply must leave its input as it is"),
        (Random(), "must give the same result for the same sample"),
        (Replacing(id="new"), r"must keep id and label \('0000', "),
        (Replacing(mask=None), "Shift.apply must keep the mask; got None"),
        (Replacing(image=GREY), "must have a PIL image of mode RGB"),
        (Replacing(image=Image.new("RGB", (9, 9))), r"a mask of the image's size, \(9, 9\) bool"),
    ],
)
def test_a_broken_shift_is_named(shift: Any, message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_shift(shift)


class Sparing:
    """A shift that needs masks, and says so where there is none."""

    def __init__(self, reason: str = "has no mask", name: str | None = None) -> None:
        self.reason, self.name = reason, name

    def apply(self, sample: Sample) -> Sample | Skipped:
        if sample.mask is None or self.name is not None:
            return Skipped(self.name or sample.id, self.reason)
        return sample


class Borrowing:
    """A shift that takes pixels of the split's sample ``of``, the next one each time it is made."""

    def __init__(self, step: int = 0) -> None:
        self.of, self.step = 0, step

    def among(self, split: Split) -> Borrowed:
        self.of += self.step
        (other,) = split.samples([self.of])
        assert isinstance(other, Sample)
        return Borrowed(other)


class Borrowed:
    def __init__(self, other: Sample) -> None:
        self.other = other

    def apply(self, sample: Sample) -> Sample:
        image = Image.blend(sample.image, self.other.image, 0.5)
        return dataclasses.replace(sample, image=image)


class Refusing(Darker):
    def among(self, split: Split) -> int:
        return len(split)


def test_a_shift_may_skip_what_has_no_mask_and_borrow_of_others() -> None:
    check_shift(Sparing())

    class Lender(Borrowing, Darker):
        pass

    check_shift(Lender())


class Changing(Borrowing, Darker):
    def __init__(self) -> None:
        super().__init__(step=1)


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (Sparing(reason=" "), "Shift.apply must say why it is skipped; got ' '"),
        (Sparing(name="other"), "Shift.apply must keep the id '0000'; got 'other'"),
        (Refusing(), "Shift: int must offer apply; got no apply"),
        (Changing(), "must give the same result for the same sample"),
    ],
)
def test_a_shift_that_skips_or_borrows_wrongly_is_named(shift: Any, message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_shift(shift)


def test_a_shift_that_skips_every_sample_with_a_mask_shows_nothing() -> None:
    class Never:
        def apply(self, sample: Sample) -> Skipped:
            return Skipped(sample.id, "not today")

    with pytest.raises(ConformanceError, match="shift some of a dataset's samples"):
        check_shift(Never())
