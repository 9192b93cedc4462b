"""Datasets that no bundled reader hands over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from rateval.api.values import Sample, Skipped
from rateval.inspection.check import check_dataset
from rateval.inspection.opening import Opened
from rateval.inspection.reading import read_ahead
from rateval.inspection.record import DatasetCheck, Limits
from rateval.inspection.views import UsualView
from rateval.progress import SilentMonitor


@dataclass
class Shades:
    """Grey squares, each of its own brightness."""

    identity: str
    ids: Sequence[str]
    shades: Sequence[int]
    groups: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        return [
            Sample(self.ids[at], Image.new("RGB", (4, 4), (self.shades[at],) * 3), 0, None)
            for at in indices
        ]


def check(test: Shades, train: Shades, group_by: str | None = None) -> DatasetCheck:
    splits = {"test": test, "train": train}
    whole = {name: len(split) for name, split in splits.items()}
    opened = Opened("mine", "mine", ("grey",), splits, whole, {}, (), group_by)
    return check_dataset(opened, [UsualView()], Limits(), SilentMonitor(), 2)


def test_a_group_on_both_sides_of_group_by_is_unfit() -> None:
    test = Shades("test", ["a", "b"], [1, 2], {"patient": ["p1", None]})
    train = Shades("train", ["c", "d"], [3, 4], {"patient": ["p1", None]})
    assert check(test, train).fit
    found = check(test, train, "patient")
    assert not found.fit
    assert found.findings[0].code == "torn-group"
    # What is not known is nobody's.
    assert found.findings[0].text.startswith('group_by = "patient": 1 of its values')


def test_an_id_of_both_splits_is_told() -> None:
    found = check(Shades("test", ["a", "b"], [1, 2]), Shades("train", ["b", "c"], [3, 4]))
    (told,) = [finding for finding in found.findings if finding.code == "same-id"]
    assert told.text == "ids that test and training share: 1, such as b"
    assert not told.unfit


def test_contradictions_are_named_however_many_leaks_there_are() -> None:
    shades = list(range(30))
    test = Shades("test", [f"t{at}" for at in shades], shades)
    train = Shades("train", [f"u{at}" for at in shades], shades)
    found = check(test, train)
    assert found.duplicates.leaked == 30
    assert found.duplicates.contradicting == 0
    assert len(found.duplicates.leaks) == 10


def test_reading_ahead_keeps_order_and_never_runs_far_ahead() -> None:
    begun: list[int] = []

    def work(task: int) -> int:
        begun.append(task)
        return task * task

    found = []
    for result in read_ahead(work, range(100), 3):
        found.append(result)
        assert len(begun) <= len(found) + 2 * 3
    assert found == [np.square(at) for at in range(100)]
