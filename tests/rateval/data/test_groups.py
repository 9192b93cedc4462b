"""Groups of a split: checked at the boundary, carried along by what narrows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from rateval.api.values import Sample, Skipped
from rateval.data.checked import CheckedSplit
from rateval.data.groups import LONGEST_NAME, list_groups
from rateval.data.splits import limit_split
from rateval.errors import PluginError
from rateval.testing import tiny_dataset


class Grouped:
    identity = "grouped"

    def __init__(self, groups: Any) -> None:
        self.groups = groups

    def __len__(self) -> int:
        return 4

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        return tiny_dataset(test=4).test.samples(indices)


def test_a_part_of_a_split_has_the_groups_of_its_samples() -> None:
    given = {"camera": ["a", "b", None, "a"], "Küche": ("", "x", "y", "z")}
    split = CheckedSplit(Grouped(given), "the data", 3)
    assert list_groups(split) == given
    part = limit_split(split, 2)
    ids = [sample.id for sample in part.samples([0, 1])]
    assert list_groups(part) == {
        name: [values[int(found)] for found in ids] for name, values in given.items()
    }
    assert list_groups(tiny_dataset().test) == {}


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"camera": ["a"]}, "list as many values of the group 'camera' as samples; got 1"),
        ({"camera": "abcd"}, "list the values of the group 'camera'; got str"),
        ({"camera": [1, 1, "b", float("nan")]}, "text or None as values .*; got 1, nan"),
        ({"camera": ["a", "b", ["c"], "d"]}, r"text or None as values .*; got \['c'\]"),
        ({"camera": ["a", "b", "\ud800", "d"]}, "text or None as values"),
        ({"": ["a"] * 4}, "name its groups by one line of text of 1 to 64 characters; got ''"),
        ({"a\nb": ["a"] * 4}, "name its groups by one line"),
        ({"n" * (LONGEST_NAME + 1): ["a"] * 4}, "name its groups by one line"),
        ({3: ["a"] * 4}, "name its groups .*; got 3"),
        (["camera"], "have groups that are a mapping of names to values; got list"),
    ],
)
def test_groups_that_are_none_are_named(groups: Any, message: str) -> None:
    with pytest.raises(PluginError, match=f"the data must .*{message}"):
        CheckedSplit(Grouped(groups), "the data", 3)
