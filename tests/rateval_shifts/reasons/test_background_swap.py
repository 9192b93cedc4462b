"""Objects on the backgrounds of other images: whose, and what is left of theirs."""

from __future__ import annotations

import dataclasses
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rateval.api import Sample, Skipped
from rateval_shifts.reasons import lenders

NOBODY = "no other image lends its background"


def lender_of(after: Any) -> int:
    """The number of the sample whose one colour is around an object, and nothing else."""
    pixels = np.asarray(after.image)[~after.mask].astype(int)
    colours, counts = np.unique(pixels, axis=0, return_counts=True)
    red, green, blue = colours[counts.argmax()]
    assert red == 0
    # What is filled in is off by roundings.
    assert abs(pixels - (red, green, blue)).max() <= 6
    return int(green) - 20 + 200 * int(blue)


def test_objects_stay_and_backgrounds_are_others_without_their_objects(
    make: Any, listed: Any, drawn: Any
) -> None:
    samples = [drawn(number) for number in range(40)]
    shift = make("background-swap", listed(samples))
    for sample in samples:
        after = shift.apply(sample)
        assert (after.mask == sample.mask).all()
        mask = sample.mask
        assert (np.asarray(after.image)[mask] == np.asarray(sample.image)[mask]).all()
        lender = lender_of(after)  # one colour: nothing of its object, and nothing of this image
        assert lender % 3 != sample.label


def test_each_that_can_lend_is_as_likely_as_any_other(make: Any, listed: Any, drawn: Any) -> None:
    samples = [drawn(number, (12, 9)) for number in range(12)]
    shift = make("background-swap", listed(samples))
    lent = Counter(
        lender_of(shift.apply(dataclasses.replace(samples[0], id=f"id {number}")))
        for number in range(1600)
    )
    assert set(lent) == {number for number in range(12) if number % 3}
    expected, deviation = 200, (1600 / 8 * 7 / 8) ** 0.5
    assert all(abs(count - expected) < 5 * deviation for count in lent.values())


def test_a_split_that_lists_nothing_gives_the_same_where_positions_are_ids(
    make: Any, listed: Any, drawn: Any
) -> None:
    samples = [dataclasses.replace(drawn(number), id=str(number)) for number in range(20)]
    told, untold = (make("background-swap", listed(samples, told=told)) for told in (True, False))
    for sample in samples:
        assert told.apply(sample).image.tobytes() == untold.apply(sample).image.tobytes()


def test_the_order_of_a_split_changes_nothing(make: Any, listed: Any, drawn: Any) -> None:
    samples = [drawn(number) for number in range(30)]
    one, other = (make("background-swap", listed(order)) for order in (samples, samples[::-1]))
    for sample in samples:
        assert one.apply(sample).image.tobytes() == other.apply(sample).image.tobytes()


def test_one_label_for_all_lends_all_the_same(make: Any, listed: Any, drawn: Any) -> None:
    samples = [drawn(number, label=1) for number in range(5)]
    for told in (True, False):
        shift = make("background-swap", listed(samples, told=told))
        for number, sample in enumerate(samples):
            assert lender_of(shift.apply(sample)) != number


def test_another_label_goes_first_wherever_it_is(
    make: Any, listed: Any, drawn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lenders, "pool_donors", lambda split: [[at] for at in range(len(split))])
    samples = [drawn(number, label=int(number == 29)) for number in range(30)]
    for told in (True, False):
        shift = make("background-swap", listed(samples, told=told))
        assert lender_of(shift.apply(samples[0])) == 29
        assert lender_of(shift.apply(samples[29])) == 0  # the first pool that can


def test_an_image_alone_is_skipped_with_the_reason(make: Any, listed: Any, drawn: Any) -> None:
    sample = drawn(3)
    assert make("background-swap", listed([sample])).apply(sample) == Skipped("s3", NOBODY)
    assert make("background-swap").apply(sample) == Skipped("s3", NOBODY)


def test_who_can_not_lend_is_not_asked_twice(make: Any, listed: Any, drawn: Any) -> None:
    """Without a mask, with one that is empty or covers nearly all, or a file that is broken."""
    able, bare, empty, full = (drawn(number, label=1) for number in range(4))
    unable = [
        dataclasses.replace(bare, mask=None),
        dataclasses.replace(empty, mask=np.zeros((30, 40), dtype=bool)),
        dataclasses.replace(full, mask=np.arange(1200).reshape(30, 40) < 721),
        Skipped("broken", "unreadable", damaged=True),
    ]
    split = listed([*unable, able], told=False)
    shift = make("background-swap", split)
    for number in range(20):
        taker = dataclasses.replace(drawn(100, label=0), id=f"taker {number}")
        assert lender_of(shift.apply(taker)) == 0
    assert split.read[-1] == 1
    assert max(split.read) == 1


def test_a_lender_is_read_once_for_all_threads(make: Any, listed: Any, drawn: Any) -> None:
    samples = [drawn(number) for number in range(8)]
    split = listed(samples)
    shift = make("background-swap", split)
    assert sum(split.read) == 0  # nothing before the first is asked for
    takers = [dataclasses.replace(samples[n % 8], id=f"taker {n}") for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(shift.apply, takers))
    assert split.read == [1] * 8


def test_what_is_kept_is_bounded(
    make: Any, listed: Any, drawn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = [drawn(number) for number in range(12)]
    takers = [dataclasses.replace(samples[n % 12], id=f"taker {n}") for n in range(120)]
    plain = make("background-swap", listed(samples))
    expected = [plain.apply(taker).image.tobytes() for taker in takers]
    monkeypatch.setattr(lenders, "_KEPT_BYTES", 3 * 40 * 30 * 3)
    split = listed(samples)
    shift = make("background-swap", split)
    with ThreadPoolExecutor(4) as pool:
        after = [one.image.tobytes() for one in pool.map(shift.apply, takers)]
    assert after == expected
    assert sum(split.read) > 12
    assert len(shift.lenders._kept) <= 3


def test_a_split_that_fails_fails_for_all_who_wait_and_is_asked_anew(make: Any, drawn: Any) -> None:
    class Failing:
        identity, ids, labels, asked = "failing", ["a", "b"], [0, 1], 0

        def __len__(self) -> int:
            return 2

        def samples(self, indices: Any) -> Any:
            self.asked += 1
            if self.asked == 1:
                raise OSError("the disk is gone")
            return [dataclasses.replace(drawn(index), id=self.ids[index]) for index in indices]

    shift = make("background-swap", Failing())
    taker = dataclasses.replace(drawn(7, label=0), id="a")
    with pytest.raises(OSError, match="the disk is gone"):
        shift.apply(taker)
    assert lender_of(shift.apply(taker)) == 1


@pytest.mark.parametrize("size", [(40, 30), (31, 77), (200, 20), (1, 50), (640, 480)])
def test_a_lender_of_another_size_covers_the_image(
    size: tuple[int, int], make: Any, listed: Any, drawn: Any
) -> None:
    """Its middle, as large as possible: half of it is red, half of it blue."""
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[:, :30, 0] = 200
    pixels[:, 30:, 2] = 200
    mask = np.zeros((40, 60), dtype=bool)
    mask[18:20, 4:6] = True
    lender = Sample("lender", Image.fromarray(pixels), 0, mask)
    width, height = size
    own = np.zeros((height, width), dtype=bool)
    own[0, 0] = True
    taker = Sample("taker", Image.new("RGB", size, (0, 250, 0)), 1, own)
    if own.all():
        return
    after = np.asarray(make("background-swap", listed([lender, taker])).apply(taker).image)
    assert after[0, 0].tolist() == [0, 250, 0]
    assert not after[..., 1][~own].any()
    if width >= 10:
        blurred = width // 40 + 2
        assert (after[1:, : width // 2 - blurred, 0] > 180).all()
        assert (after[:, width // 2 + blurred :, 2] > 180).all()


def test_large_lenders_are_filled_in_small(make: Any, listed: Any, drawn: Any) -> None:
    taker, lender = drawn(0, (1200, 900)), drawn(4, (1600, 1100))
    shift = make("background-swap", listed([taker, lender]))
    assert lender_of(shift.apply(taker)) == 4
    (kept,) = (future.result() for future in shift.lenders._kept.values())
    assert kept.background.shape == (512, 745, 3)
