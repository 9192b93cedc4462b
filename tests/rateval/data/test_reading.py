"""Images are read and shrunk one by one, by several threads, with equal results in one order."""

from __future__ import annotations

import dataclasses
import threading
import time
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rateval.api.values import Sample, Skipped
from rateval.data.batches import Batch, load_batches, load_chunks
from rateval.data.checked import CheckedSplit
from rateval.data.splits import SubsetSplit, WatchedSplit
from rateval.errors import PluginError
from rateval.testing import tiny_dataset, tiny_model

COUNT = 60


class Photo(Image.Image):
    """An image that weak references may follow."""


class Photos:
    """A split that knows how many of its images are held, and what it was asked for."""

    identity = "photos"

    def __init__(self, at_once: int = 1, fails: int | None = None) -> None:
        self.at_once, self.fails = at_once, fails
        self._made: list[weakref.ref[Image.Image]] = []
        self.most = 0
        self.asked: list[tuple[int, ...]] = []
        self._lock = threading.Lock()

    @property
    def held(self) -> int:
        return sum(ref() is not None for ref in self._made)

    def __len__(self) -> int:
        return COUNT

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        with self._lock:
            self.asked.append(tuple(indices))
            made = [self._make(at) for at in indices]
            self.most = max(self.most, self.held)
        return made

    def _make(self, at: int) -> Sample | Skipped:
        if at == self.fails:
            raise ZeroDivisionError("on purpose")
        if at % 20 == 7:
            return Skipped(f"{at:04d}", "unreadable on purpose")
        noise = np.random.default_rng(at)
        image = Image.fromarray(noise.integers(0, 256, (48, 40, 3), np.uint8))
        image.__class__ = Photo
        self._made.append(weakref.ref(image))
        mask = None if at % 3 == 0 else noise.random((48, 40)) < 0.5
        return Sample(f"{at:04d}", image, at % 4, mask, f"caption {at}")


def read(split: Any, readers: int, **options: Any) -> list[Batch]:
    return list(load_batches(split, tiny_model(), batch_size=16, readers=readers, **options))


def assert_equal(one: Sequence[Batch], other: Sequence[Batch]) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        for field in dataclasses.fields(Batch):
            mine, yours = getattr(a, field.name), getattr(b, field.name)
            if isinstance(mine, torch.Tensor):
                assert torch.equal(mine, yours)
            else:
                assert mine == yours


def held_whole(split: Photos, masks: bool = True) -> list[Batch]:
    """Make the batches in the plain way: a whole batch of images at a time."""
    model, batches = tiny_model(), []
    for start in range(0, COUNT, 16):
        found = split.samples(range(start, min(start + 16, COUNT)))
        kept = [(start + at, s) for at, s in enumerate(found) if isinstance(s, Sample)]
        images = torch.stack([model.preprocess(s.image) for _, s in kept])
        none = torch.zeros(images.shape[-2:], dtype=torch.bool)
        prepared = [none if s.mask is None else model.preprocess_mask(s.mask) for _, s in kept]
        batches.append(
            Batch(
                indices=tuple(at for at, _ in kept),
                ids=tuple(s.id for _, s in kept),
                images=images,
                labels=torch.tensor([s.label for _, s in kept]),
                masks=torch.stack(prepared) if masks else None,
                has_mask=tuple(s.mask is not None for _, s in kept),
                captions=tuple(s.caption for _, s in kept),
                skipped=tuple(s for s in found if isinstance(s, Skipped)),
                sizes=tuple((s.image.height, s.image.width) for _, s in kept),
                asked=tuple(s.asked for _, s in kept),
                depicted=tuple(s.depicted for _, s in kept),
            )
        )
    return batches


@pytest.mark.parametrize("at_once", [1, 5, 100])
@pytest.mark.parametrize("readers", [1, 2, 7])
def test_batches_equal_those_of_images_held_together(readers: int, at_once: int) -> None:
    batches = read(Photos(at_once), readers, masks=True)
    assert_equal(batches, held_whole(Photos()))
    assert batches[0].images.dtype == torch.float32
    assert batches[0].labels.dtype == torch.int64
    assert_equal(read(Photos(at_once), readers), held_whole(Photos(), masks=False))


@pytest.mark.parametrize("readers", [1, 3])
def test_no_more_images_are_held_than_there_are_readers(readers: int) -> None:
    split = Photos()
    read(split, readers, masks=True)
    assert 1 <= split.most <= readers
    assert split.held == 0
    together = Photos()
    held_whole(together)
    assert together.most > 10  # so that the count can tell


def test_a_batch_is_shared_out_among_all_readers() -> None:
    together = threading.Barrier(4, timeout=20)

    class Meeting(Photos):
        def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
            together.wait()  # nobody gets on before four are here
            return super().samples(indices)

    (batch,) = load_batches(Meeting(), tiny_model(), batch_size=8, indices=range(8), readers=4)
    assert batch.indices == (0, 1, 2, 3, 4, 5, 6)


def test_readers_work_at_most_one_batch_ahead() -> None:
    split = Photos()
    batches = load_batches(split, tiny_model(), batch_size=8, readers=2)
    next(batches)
    deadline = time.monotonic() + 20
    while len(split.asked) < 16 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert [at for (at,) in sorted(split.asked)] == list(range(16))
    batches.close()  # type: ignore[attr-defined]  # a generator
    assert len(split.asked) <= 16


def test_a_split_is_asked_for_as_many_at_once_as_it_says_within_a_batch() -> None:
    parts = [SubsetSplit(Photos(3), tuple(range(COUNT)), "all"), WatchedSplit(Photos(3))]
    for split in (Photos(3), *parts, CheckedSplit(Photos(3), "photos", 4)):
        whole: Any = next(
            (found for name in ("whole", "_whole") if (found := getattr(split, name, None))), split
        )
        read(split, 1)
        assert {len(asked) for asked in whole.asked} == {1, 3}
        assert whole.asked[5:7] == [(15,), (16, 17, 18)]


@pytest.mark.parametrize("wrong", [0, -1, True, 2.0, "3"])
def test_a_number_at_once_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(PluginError, match="photos must say by at_once how many samples to ask"):
        CheckedSplit(Photos(wrong), "photos", 4)


@pytest.mark.parametrize("readers", [1, 3])
def test_what_a_split_raises_names_the_sample_after_the_batches_before_it(readers: int) -> None:
    split = CheckedSplit(Photos(fails=37), "photos", 4)
    batches = load_batches(split, tiny_model(), batch_size=16, readers=readers)
    assert [next(batches).indices[0], next(batches).indices[0]] == [0, 16]
    with pytest.raises(PluginError, match=r"photos: samples\(\) at position 37 raised ZeroDiv"):
        next(batches)


def test_what_a_split_raises_names_the_id_where_it_is_listed() -> None:
    split = Photos(fails=3)
    split.ids = [f"{at:04d}" for at in range(COUNT)]  # type: ignore[attr-defined]
    with pytest.raises(PluginError, match=r'samples\(\) of sample "0003" raised ZeroDivision'):
        read(CheckedSplit(split, "photos", 4), 2)


@pytest.mark.parametrize("method", ["preprocess", "preprocess_mask"])
def test_what_a_model_raises_names_the_sample(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, calls = tiny_model(), 0
    plain = getattr(model, method)

    def fail_later(value: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 4:
            raise ValueError("boom")
        return plain(value)

    monkeypatch.setattr(model, method, fail_later)
    name = "0004" if method == "preprocess" else "0008"  # 0, 3 and 6 have no mask, 7 is skipped
    reason = rf'{method}\(\) of the model on sample "{name}" raised ValueError: boom'
    with pytest.raises(PluginError, match=reason) as caught:
        list(load_batches(Photos(), model, batch_size=16, masks=True))
    assert caught.value.kind == "model"


def test_what_changes_a_sample_is_named_with_it() -> None:
    def change(sample: Sample, index: int) -> Sample:
        return sample if index < 5 else dataclasses.replace(sample, nothing=1)  # type: ignore[call-arg]

    with pytest.raises(PluginError, match='what changes sample "0005" raised TypeError'):
        list(load_chunks(Photos(), tiny_model(), [range(8)], change=change))


def test_an_interruption_gives_up_what_has_not_begun() -> None:
    class Interrupted(Photos):
        def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
            if indices[0] == 3:
                raise KeyboardInterrupt
            time.sleep(0.01)
            return super().samples(indices)

    split = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        list(load_batches(split, tiny_model(), batch_size=32, readers=1))
    assert len(split.asked) < 10
    assert not [one for one in threading.enumerate() if one.name.startswith("rateval-reader")]


def test_images_of_two_sizes_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    plain = model.preprocess
    widths = iter([None, None, 8])
    monkeypatch.setattr(model, "preprocess", lambda image: plain(image)[:, : next(widths)])
    with pytest.raises(PluginError, match='on sample "0002" must give every image one size'):
        list(load_batches(tiny_dataset(test=3).test, model, batch_size=3))


def test_what_was_skipped_is_told_in_the_order_of_the_split() -> None:
    class Late(Photos):
        def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
            time.sleep(0.05 if 7 in indices else 0.0)
            return super().samples(indices)

    watched = WatchedSplit(Late())
    for _ in range(2):
        list(load_batches(watched, tiny_model(), batch_size=64, readers=4))
    list(load_batches(watched, tiny_model(), batch_size=4, indices=[47, 27, 7], readers=1))
    assert [skipped.id for skipped in watched.skipped] == ["0007", "0027", "0047"]
