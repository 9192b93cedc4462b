"""Images that are too long for any model, of whatever dataset."""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections.abc import Sequence

import pytest
from PIL import Image

from rateval.api.values import Sample, Skipped
from rateval.data.batches import load_batches
from rateval.data.shapes import LONGEST, explain_length
from rateval.data.splits import WatchedSplit
from rateval.testing import tiny_dataset, tiny_model


class Stretched:
    """A split whose second sample has one row of 20,000 pixels."""

    def __init__(self) -> None:
        self._whole = tiny_dataset(test=4).test
        self.identity = "stretched"

    def __len__(self) -> int:
        return 4

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        found = list(self._whole.samples(indices))
        for at, sample in enumerate(found):
            if isinstance(sample, Sample) and sample.id == "0001":
                long = dataclasses.replace(sample, image=Image.new("RGB", (1, 20_000)), mask=None)
                found[at] = long
        return found


def test_a_long_image_is_skipped_before_it_is_resized() -> None:
    tracemalloc.start()
    batches = list(load_batches(Stretched(), tiny_model(), batch_size=2, masks=True))
    assert tracemalloc.get_traced_memory()[1] < 1 << 26
    tracemalloc.stop()
    assert [batch.ids for batch in batches] == [("0000",), ("0002", "0003")]
    (skipped,) = batches[0].skipped
    assert skipped.id == "0001"
    assert skipped.reason == (
        "too long: 1 x 20,000 pixels, where one side may be at most 100 times the other"
    )
    assert not skipped.damaged


def test_what_a_training_leaves_out_is_watched() -> None:
    watched = WatchedSplit(Stretched())
    for _ in range(2):
        watched.samples(range(4))
    assert [sample.id for sample in watched.skipped] == ["0001"]


@pytest.mark.parametrize(("width", "long"), [(LONGEST * 3, False), (LONGEST * 3 + 1, True)])
def test_either_side_may_be_the_longer(width: int, long: bool) -> None:
    for size in ((width, 3), (3, width)):
        assert (explain_length(size) is not None) == long
