"""A dataset of one class, with a single image to train on and one to test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rateval.api.values import Sample, Skipped
from rateval.testing.tiny.dataset import tiny_dataset


class OneSplit:
    """One sample of the tiny dataset, its label 0."""

    def __init__(self, name: str) -> None:
        self.identity = f"one-class/{name}"
        tiny = tiny_dataset()
        self._split = tiny.train if name == "train" and tiny.train is not None else tiny.test

    def __len__(self) -> int:
        return 1

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        """Return the sample as often as it is asked for."""
        found = self._split.samples([0] * len(indices))
        return [replace(one, label=0) if isinstance(one, Sample) else one for one in found]


class OneClass:
    """A ``rateval.api.Dataset`` of one class."""

    classes = ("red square",)
    has_masks = True

    def __init__(self) -> None:
        self.train = OneSplit("train")
        self.test = OneSplit("test")
