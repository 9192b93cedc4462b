from __future__ import annotations

import dataclasses
import threading
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rateval.api.protocols import Split
from rateval.api.values import Sample, Skipped
from rateval.data.batches import load_batches
from rateval.data.checked import CheckedDataset
from rateval.data.checked_shift import CheckedShift
from rateval.data.shifted import TrainShifted
from rateval.data.splits import hold_out, limit_split
from rateval.errors import PluginError
from rateval.testing import tiny_dataset, tiny_model


class Odd:
    """Skips every other sample, and blackens the others."""

    def apply(self, sample: Sample) -> Sample | Skipped:
        if int(sample.id) % 2:
            return Skipped(sample.id, "is odd")
        return dataclasses.replace(sample, image=Image.new("RGB", sample.image.size))


class Among:
    """Says how many samples there are, by the level of its grey."""

    def __init__(self) -> None:
        self.asked: list[Split] = []

    def among(self, split: Split) -> Any:
        self.asked.append(split)
        return Level(len(split))

    def apply(self, sample: Sample) -> Sample:
        raise AssertionError("nobody asked among which samples")


class Level:
    def __init__(self, level: int) -> None:
        self.level = level

    def apply(self, sample: Sample) -> Sample:
        image = Image.new("RGB", sample.image.size, (self.level,) * 3)
        return dataclasses.replace(sample, image=image)


@pytest.mark.parametrize("readers", [1, 3])
def test_what_a_shift_skips_is_skipped_in_its_batch(readers: int) -> None:
    split = tiny_dataset(test=7).test
    batches = list(
        load_batches(
            split, tiny_model(), batch_size=3, masks=True, shift=CheckedShift(Odd(), "odd"),
            readers=readers,
        )
    )  # fmt: skip
    assert [batch.ids for batch in batches] == [("0000", "0002"), ("0004",), ("0006",)]
    assert [one for batch in batches for one in batch.skipped] == [
        Skipped(name, "is odd") for name in ("0001", "0003", "0005")
    ]
    assert all(bool((batch.images == -1).all()) for batch in batches)


def test_a_whole_split_is_asked_for_once_however_often_and_narrow_it_is_used() -> None:
    inner = Among()
    shift = CheckedShift(inner, "among")
    whole, other = tiny_dataset(test=7).test, tiny_dataset(test=5).test
    assert shift.among(whole) is shift.among(whole)
    assert shift.among(other) is not shift.among(whole)
    assert [len(split) for split in inner.asked] == [7, 5]
    (sample,) = limit_split(whole, 1).samples([0])
    assert isinstance(sample, Sample)
    shifted = shift.among(whole).apply(sample)
    assert isinstance(shifted, Sample)
    assert np.asarray(shifted.image).max() == 7


def test_a_shift_that_needs_no_others_is_itself_among_any() -> None:
    shift = CheckedShift(Odd(), "odd")
    assert shift.among(tiny_dataset().test) is shift


@pytest.mark.parametrize(
    ("gives", "told"),
    [
        (None, r"the shift: among\(\) must return a shift; got None"),
        (ZeroDivisionError("no donors"), r"the shift: among\(\) raised ZeroDivisionError: no don"),
    ],
)
def test_what_is_no_shift_among_others_is_named(gives: Any, told: str) -> None:
    class Broken(Odd):
        def among(self, split: Split) -> Any:
            if isinstance(gives, Exception):
                raise gives
            return gives

    with pytest.raises(PluginError, match=told):
        CheckedShift(Broken(), "the shift").among(tiny_dataset().test)


def shifted(inner: Any, **sizes: Any) -> tuple[CheckedDataset, TrainShifted]:
    dataset = CheckedDataset(tiny_dataset(**sizes), "tiny")
    return dataset, TrainShifted(dataset, CheckedShift(inner, "shift"), "by-name")


def test_the_training_split_alone_is_shifted() -> None:
    dataset, found = shifted(Odd(), train=6, unreadable=[2])
    assert found.test is dataset.test
    assert (found.classes, found.has_masks) == (dataset.classes, dataset.has_masks)
    assert dataset.train is not None
    assert found.train is found.train is not None
    assert found.train.identity == f"{dataset.train.identity} shifted by by-name"
    samples = found.train.samples(range(6))
    told = [one.reason if isinstance(one, Skipped) else "" for one in samples]
    assert told == ["", "is odd", "unreadable on purpose", "is odd", "", "is odd"]
    whole = dataset.train.samples([0])[0]
    assert isinstance(whole, Sample)
    assert np.asarray(whole.image).max() > 0


def test_what_the_training_split_lists_is_listed() -> None:
    dataset, found = shifted(Among(), train=9)
    assert dataset.train is not None
    assert found.train is not None
    for name in ("ids", "labels", "groups", "at_once"):
        assert getattr(found.train, name) == getattr(dataset.train, name)
    assert len(found.train) == 9


def test_subsets_of_a_shifted_training_split_are_shifted_by_the_whole() -> None:
    inner = Among()
    _, found = shifted(inner, train=8)
    assert found.train is not None
    kept, held = hold_out(limit_split(found.train, 6), 2)
    for split in (kept, held):
        for sample in split.samples(range(len(split))):
            assert isinstance(sample, Sample)
            assert np.asarray(sample.image).max() == 8
    assert [len(split) for split in inner.asked] == [8]


def test_without_a_training_split_there_is_none_shifted() -> None:
    _, found = shifted(Odd(), train=None)
    assert found.train is None


def test_threads_shift_as_one_does() -> None:
    _, found = shifted(Odd(), train=16)
    assert found.train is not None
    alone = found.train.samples(range(16))
    results: dict[int, Any] = {}

    def work(start: int) -> None:
        assert found.train is not None
        for index in range(start, 16, 4):
            (results[index],) = found.train.samples([index])

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, sample in enumerate(alone):
        other = results[index]
        if isinstance(sample, Skipped):
            assert other == sample
        else:
            assert np.array_equal(np.asarray(other.image), np.asarray(sample.image))
