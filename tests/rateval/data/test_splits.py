"""Some samples of a split: the same ones everywhere, and of all its classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from rateval.api.values import Sample
from rateval.data.checked import CheckedSplit
from rateval.data.drawing import apportion, draw, level
from rateval.data.splits import SubsetSplit, hold_out, limit_split, list_labels
from rateval.errors import RatevalError
from rateval.testing import tiny_dataset

SIZES = st.dictionaries(st.integers(0, 30), st.integers(1, 60), min_size=1, max_size=12)


class Listed:
    """A split that lists ids and labels, and counts the samples that are read."""

    identity = "listed"

    def __init__(self, labels: Sequence[int]) -> None:
        self.labels = list(labels)
        self.ids = [f"image-{index}" for index in range(len(labels))]
        self.read = 0

    def __len__(self) -> int:
        return len(self.ids)

    def samples(self, indices: Sequence[int]) -> list[Sample]:
        self.read += len(indices)
        grey = Image.new("RGB", (4, 4))
        return [Sample(self.ids[index], grey, self.labels[index], None) for index in indices]


def sized(sizes: Mapping[int, int]) -> list[int]:
    return [label for label, size in sizes.items() for _ in range(size)]


@given(SIZES, st.data())
def test_shares_are_proportional_and_no_class_is_left_out(
    sizes: dict[int, int], data: st.DataObject
) -> None:
    total = sum(sizes.values())
    count = data.draw(st.integers(0, total))
    shares = apportion(sizes, count)
    assert sum(shares.values()) == count
    assert all(1 <= share <= sizes[label] for label, share in shares.items())
    if count < len(sizes):
        assert set(shares.values()) <= {1}
        return
    assert shares.keys() == sizes.keys()
    # A class that has more than the one that is due to it has its part, rounded up or down.
    lifted = [label for label, size in sizes.items() if count * size < total]
    if not lifted:
        for label, size in sizes.items():
            assert abs(shares[label] - count * size / total) < 1
    for one, other in ((a, b) for a in sizes for b in sizes if sizes[a] > sizes[b]):
        assert shares[one] >= shares[other]


@given(SIZES, st.data())
@settings(max_examples=50)
def test_the_order_of_the_samples_does_not_matter(
    sizes: dict[int, int], data: st.DataObject
) -> None:
    labels = sized(sizes)
    ids = [f"{index}.jpg" for index in range(len(labels))]
    count = data.draw(st.integers(0, len(ids)))
    order = data.draw(st.permutations(range(len(ids))))
    chosen = {ids[at] for at in draw(ids, labels, count)}
    shuffled = [ids[at] for at in order]
    again = draw(shuffled, [labels[at] for at in order], count)
    assert {shuffled[at] for at in again} == chosen
    assert len(chosen) == count
    assert again == sorted(again)


def test_samples_of_a_class_are_drawn_evenly() -> None:
    """Ids in a row are no more likely to be drawn together than others."""
    ids = [f"{index:06d}" for index in range(20_000)]
    drawn = np.array(draw(ids, [0] * len(ids), 10_000))
    tenths, _ = np.histogram(drawn, bins=10, range=(0, 20_000))
    assert np.abs(tenths - 1000).max() < 110  # 5 standard deviations
    assert abs(int((np.diff(drawn) == 1).sum()) - 5000) < 300


def test_what_is_drawn_never_changes() -> None:
    """Another draw would change every number of a study with a limit."""
    ids = [f"{index}.jpg" for index in range(12)]
    assert draw(ids, [0] * 8 + [1] * 3 + [2], 5) == [4, 5, 7, 9, 11]
    assert sorted(apportion(dict.fromkeys(range(10), 3), 3)) == [3, 5, 9]


def test_a_class_sorted_split_is_limited_to_samples_of_all_classes_without_reading_any() -> None:
    whole = Listed([label for label in range(10) for _ in range(30)])
    limited = limit_split(whole, 20)
    assert whole.read == 0
    assert len(limited) == 20
    samples = limited.samples(range(20))
    found = [sample.label for sample in samples if isinstance(sample, Sample)]
    assert Counter(found) == dict.fromkeys(range(10), 2)
    assert found == sorted(found)  # in the order of the split
    assert list_labels(limited) == found
    assert limited.identity == "listed (limited to 20 of 300 by ids by class)"
    few = limit_split(whole, 4)
    assert len(set(list_labels(few) or ())) == 4


def test_a_split_that_lists_nothing_is_limited_by_position() -> None:
    whole = tiny_dataset(test=10).test
    limited = limit_split(whole, 3)
    assert len(limited) == 3
    assert limited.identity == f"{whole.identity} (limited to 3 of 10 by positions)"
    places = draw([str(at) for at in range(10)], [0] * 10, 3)
    assert places != [0, 1, 2]
    for ours, theirs in zip(limited.samples(range(3)), whole.samples(places), strict=True):
        assert isinstance(ours, Sample)
        assert isinstance(theirs, Sample)
        assert ours.id == theirs.id
        assert np.array_equal(np.asarray(ours.image), np.asarray(theirs.image))
    with pytest.raises(IndexError, match="limited to 3"):
        limited.samples([3])
    assert limit_split(whole, 10) is whole
    assert limit_split(whole, None) is whole


def test_it_is_drawn_once_however_often_it_is_asked_for() -> None:
    split = CheckedSplit(Listed([0, 1, 0, 1]), "the dataset", 2)
    assert limit_split(split, 2) is limit_split(split, 2)
    assert limit_split(split, 3) is not limit_split(split, 2)
    assert limit_split(split, 2, "class") is limit_split(split, 2, "class")
    assert limit_split(split, 2, "class") is not limit_split(split, 2)


@given(SIZES, st.data())
def test_equal_shares_fill_each_class_up_to_one_level(
    sizes: dict[int, int], data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, sum(sizes.values())))
    shares = level(sizes, count)
    # One after the other, in rounds: whoever has some left gives one.
    given, part = dict.fromkeys(sizes, 0), 0
    while sum(min(size, part + 1) for size in sizes.values()) <= count and part < 60:
        part += 1
    given = {label: min(size, part) for label, size in sizes.items()}
    over = count - sum(given.values())
    more = [label for label in sizes if shares.get(label, 0) != given[label]]
    assert len(more) == over
    assert all(shares[label] == part + 1 <= sizes[label] for label in more)
    assert sum(shares.values()) == count


def test_equally_many_of_each_class_and_all_of_a_rare_one() -> None:
    whole = Listed([0] * 200 + [1] * 97 + [2] * 3)
    limited = limit_split(whole, 43, "class")
    assert Counter(list_labels(limited)) == {0: 20, 1: 20, 2: 3}
    assert limited.identity == "listed (limited to 43 of 300 by ids by class equally)"
    assert Counter(list_labels(limit_split(whole, 43))) == {0: 28, 1: 14, 2: 1}
    fewer = limit_split(whole, 2, "class")
    assert len(set(list_labels(fewer) or ())) == 2
    assert limit_split(whole, 300, "class") is whole
    # Of a class, the smaller draw is a part of the larger one.
    assert set(limit_split(whole, 23, "class").positions) < set(limited.positions)  # type: ignore[attr-defined]


def test_equally_many_need_labels_that_are_listed() -> None:
    message = r'run\.limit_by = "class": the split ".*" doesn.t list its labels.*use "share"'
    with pytest.raises(RatevalError, match=message):
        limit_split(tiny_dataset(test=10).test, 3, "class")


def test_every_class_is_held_out_and_an_even_draw_that_has_them_stays() -> None:
    rare = [0] * 900 + [label for label in range(1, 40) for _ in range(3)] + [40]
    left, held = hold_out(Listed(rare), 60)
    assert set(list_labels(held) or ()) >= set(range(40))
    assert 40 in (list_labels(left) or ())  # its only sample is needed for training
    assert len(held) == 60
    assert len(left) == len(rare) - 60
    assert held.identity.endswith("(60 held out, of every class)")

    balanced, unlisted = Listed([index % 3 for index in range(300)]), Listed([0] * 300)
    del unlisted.labels
    ours, theirs = (hold_out(split, 40)[1] for split in (balanced, unlisted))
    assert ours.identity == theirs.identity == "listed (40 held out)"
    positions = [split.positions for split in (ours, theirs) if isinstance(split, SubsetSplit)]
    assert positions[0] == positions[1]
    assert len(positions[0]) == 40
