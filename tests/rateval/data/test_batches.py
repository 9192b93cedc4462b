from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from rateval.api.values import Sample, Skipped
from rateval.data.batches import Batch, load_batches, load_chunks, regroup
from rateval.testing import tiny_dataset, tiny_model


@pytest.mark.parametrize("readers", [1, 3])
def test_batches_hold_the_samples_in_order(readers: int) -> None:
    model, split = tiny_model(), tiny_dataset(test=10).test
    batches = list(load_batches(split, model, batch_size=4, masks=True, readers=readers))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    samples = [s for s in split.samples(range(10)) if isinstance(s, Sample)]
    assert [i for batch in batches for i in batch.ids] == [sample.id for sample in samples]
    images = torch.cat([batch.images for batch in batches])
    assert torch.equal(images, torch.stack([model.preprocess(s.image) for s in samples]))
    for batch, chunk in zip(batches, (samples[:4], samples[4:8], samples[8:]), strict=True):
        assert batch.labels.tolist() == [sample.label for sample in chunk]
        assert batch.captions == tuple(sample.caption for sample in chunk)
        assert batch.masks is not None
        for mask, sample in zip(batch.masks, chunk, strict=True):
            assert sample.mask is not None
            assert torch.equal(mask, model.preprocess_mask(sample.mask))


@pytest.mark.parametrize("pinned", [False, True])
def test_images_lie_where_a_gpu_fetches_them_if_that_is_asked(
    pinned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    empty = torch.empty

    def made(*size: Any, **more: Any) -> torch.Tensor:
        if len(size) == 4 and size[0]:
            asked.append(more.pop("pin_memory"))  # which only a computer with a GPU can give
        return empty(*size, **more)

    monkeypatch.setattr("rateval.data.batches.torch.empty", made)
    list(load_batches(tiny_dataset(test=5).test, tiny_model(), batch_size=2, pinned=pinned))
    assert asked == [pinned] * 3


def test_indices_choose_and_order() -> None:
    split = tiny_dataset(test=10).test
    (batch,) = load_batches(split, tiny_model(), batch_size=4, indices=[7, 2, 7])
    assert batch.ids == ("0007", "0002", "0007")


def test_skipped_samples_are_named_and_a_batch_may_be_empty() -> None:
    split = tiny_dataset(train=4, unreadable=[0, 1, 2]).train
    assert split is not None
    first, second = load_batches(split, tiny_model(), batch_size=2, masks=True)
    assert len(first) == 0
    assert [s.id for s in first.skipped] == ["0000", "0001"]
    assert second.ids == ("0003",)
    assert second.skipped == (Skipped("0002", "unreadable on purpose"),)


@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize("part", [range(20), range(3, 20)])
@pytest.mark.parametrize("size", [8, 4, 2, 1, 3])
def test_batches_are_regrouped_to_those_that_are_loaded_at_that_size(
    part: range, masks: bool, size: int
) -> None:
    split = tiny_dataset(train=20, unreadable=[1, 4, 5, 6, 7]).train
    assert split is not None

    def load(size: int) -> list[Batch]:
        found = load_batches(split, tiny_model(), batch_size=size, indices=part, masks=masks)
        return list(found)

    asked = [batch for batch in load(4) if len(batch)]
    found = list(regroup(load(size), part, 4))
    assert len([batch for batch in found if len(batch)]) == len(asked)
    for made, loaded in zip([batch for batch in found if len(batch)], asked, strict=True):
        for name in ("indices", "ids", "has_mask", "captions", "sizes", "asked", "depicted"):
            assert getattr(made, name) == getattr(loaded, name)
        for name in ("images", "labels", "masks"):
            one, other = getattr(made, name), getattr(loaded, name)
            assert (one is None and other is None) or torch.equal(one, other)
    skipped = [sample.id for batch in found for sample in batch.skipped]
    assert skipped == [sample.id for batch in load(4) for sample in batch.skipped]


def test_a_batch_of_which_all_was_skipped_stays_one() -> None:
    split = tiny_dataset(train=4, unreadable=[0, 1, 2, 3]).train
    assert split is not None
    (whole,) = load_batches(split, tiny_model(), batch_size=4, masks=True)
    (made,) = regroup([whole], range(4), 2)
    assert (len(made), made.skipped) == (0, whole.skipped)


class Blacken:
    def apply(self, sample: Sample) -> Sample:
        return dataclasses.replace(sample, image=sample.image.point(lambda level: 0), mask=None)


def test_a_shift_is_applied_to_the_sample_before_preprocessing() -> None:
    model, split = tiny_model(), tiny_dataset(test=2).test
    (batch,) = load_batches(split, model, batch_size=2, masks=True, shift=Blacken())
    assert bool((batch.images == -1).all())
    assert batch.has_mask == (False, False)
    assert batch.masks is not None
    assert not batch.masks.any()


def darken(sample: Sample, index: int) -> Sample:
    """Leave as much light as the position says, and evidence in one corner only."""
    assert sample.mask is not None
    mask = np.zeros_like(sample.mask)
    mask[:20, :20] = index % 2
    image = sample.image.point(lambda level: level * index // 20)
    return dataclasses.replace(sample, image=image, mask=mask)


@pytest.mark.parametrize("readers", [1, 4])
def test_chunks_of_any_size_are_changed_by_position(readers: int) -> None:
    model, split = tiny_model(), tiny_dataset(test=10).test
    chunks = [[7, 2], [], [9], [0, 2, 5]]
    batches = list(load_chunks(split, model, chunks, masks=True, change=darken, readers=readers))
    assert [batch.indices for batch in batches] == [(7, 2), (), (9,), (0, 2, 5)]
    for batch in batches:
        assert batch.masks is not None
        for index, image, mask in zip(batch.indices, batch.images, batch.masks, strict=True):
            (sample,) = split.samples([index])
            assert isinstance(sample, Sample)
            changed = darken(sample, index)
            assert changed.mask is not None
            assert image.equal(model.preprocess(changed.image))
            assert mask.equal(model.preprocess_mask(changed.mask))
            assert bool(mask.any()) == bool(index % 2)


def test_a_change_is_told_the_position_in_the_split_beside_skipped_samples() -> None:
    split = tiny_dataset(train=6, unreadable=[1, 3]).train
    assert split is not None
    told: list[tuple[str, int]] = []

    def watch(sample: Sample, index: int) -> Sample:
        told.append((sample.id, index))
        return sample

    (batch,) = load_chunks(split, tiny_model(), [[3, 4, 1, 5]], change=watch)
    assert told == [("0004", 4), ("0005", 5)]
    assert batch.indices == (4, 5)
    assert [skipped.id for skipped in batch.skipped] == ["0003", "0001"]
    assert batch.masks is None


def test_batches_are_the_chunks_of_one_size() -> None:
    model, split = tiny_model(), tiny_dataset(test=7).test
    batches = load_batches(split, model, batch_size=3, indices=[6, 5, 4, 3, 2])
    chunks = load_chunks(split, model, [[6, 5, 4], [3, 2]])
    for batch, chunk in zip(batches, chunks, strict=True):
        assert batch.indices == chunk.indices
        assert batch.images.equal(chunk.images)


class FailsLate:
    identity = "fails late"

    def __len__(self) -> int:
        return 6

    def samples(self, indices: Sequence[int]) -> list[Sample]:
        if 4 in indices:
            raise OSError("disk gone")
        whole = tiny_dataset(test=6).test.samples(indices)
        return [s for s in whole if isinstance(s, Sample)]


def test_an_error_while_reading_reaches_the_caller() -> None:
    batches = load_batches(FailsLate(), tiny_model(), batch_size=2)
    assert len(next(batches)) == 2
    assert len(next(batches)) == 2
    with pytest.raises(OSError, match="disk gone"):
        next(batches)
