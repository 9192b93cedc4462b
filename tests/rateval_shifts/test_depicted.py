"""What a sample depicts moves as its mask does, by every shift."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rateval
from rateval.api import Sample, Skipped
from rateval.api.tasks.texts import Depicted
from rateval.registry.discovery import discover
from rateval_shifts.corruptions.shift import CORRUPTIONS

REASONS = [
    registered.component.name
    for registered in discover(third_party=False, environment={}).of_kind("shift")
    if registered.component.name not in ("corruption", "background-swap")
]


def make_sample() -> Sample:
    """A photo of 80 x 100 pixels that shows two classes, and a third nobody knows where."""
    random = np.random.default_rng(4)
    image = Image.fromarray(random.integers(0, 256, (80, 100, 3), dtype=np.uint8))
    first, second = np.zeros((2, 80, 100), dtype=np.bool_)
    first[10:40, 20:70] = True
    second[50:75, 5:30] = random.random((25, 25)) < 0.7
    shown = (Depicted(0, first), Depicted(1, second), Depicted(2, None))
    return Sample("photo", image, 0, first, depicted=shown)


def check(shift: object, sample: Sample) -> None:
    after = shift.apply(sample)  # type: ignore[attr-defined]  # a shift
    assert isinstance(after, Sample)
    assert [one.label for one in after.depicted] == [0, 1, 2]
    assert after.depicted[2].mask is None
    np.testing.assert_array_equal(after.depicted[0].mask, after.mask, strict=True)
    alone = dataclasses.replace(sample, mask=sample.depicted[1].mask, depicted=())
    other = shift.apply(alone)  # type: ignore[attr-defined]  # a shift
    assert not isinstance(other, Skipped)
    np.testing.assert_array_equal(after.depicted[1].mask, other.mask, strict=True)
    assert after.mask is not None
    assert after.mask.shape == (after.image.height, after.image.width)


@pytest.mark.parametrize("size", ["any", "imagenet-c"])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_by_corruptions(name: str, size: str) -> None:
    params: dict[str, Any] = {"type": name, "severity": 3, "as": size}
    check(rateval.create("shift", "corruption", **params), make_sample())


@pytest.mark.parametrize("name", REASONS)
def test_by_shifts_that_test_the_reason(name: str) -> None:
    check(rateval.create("shift", name), make_sample())
