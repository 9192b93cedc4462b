"""Marks that go with the class."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rateval.api import Sample
from rateval_shifts.reasons.watermark import draw_mark


def plain(name: str, label: int, size: tuple[int, int] = (70, 70)) -> Sample:
    return Sample(name, Image.new("RGB", size, (9, 9, 9)), label, np.ones(size[::-1], bool))


def read_mark(after: Sample, marks: int) -> int:
    """Return which mark is on an image, by its pixels alone."""
    rows, columns = np.nonzero((np.asarray(after.image) != 9).any(axis=2))
    cut = np.asarray(after.image)[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    step = cut.shape[0] // 7
    cells = cut[step // 2 :: step, step // 2 :: step][:7, :7]
    found = [number for number in range(marks) if (cells == draw_mark(number)).all()]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("follows", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("marks", [2, 10])
def test_a_mark_goes_with_its_class_as_often_as_is_asked(
    follows: float, marks: int, make: Any
) -> None:
    shift = make("watermark", follows=follows, marks=marks, size=0.3, opacity=1.0)
    count, own, others = 1500, 0, Counter[int]()
    for number in range(count):
        label = number % 13
        mark = read_mark(shift.apply(plain(f"photo {number}.jpg", label)), marks)
        if mark == label % marks:
            own += 1
        else:
            others[(mark - label) % marks] += 1
    low, high = wilson_of(own, count)
    assert low <= follows <= high
    if others and marks == 10:  # any other is as likely
        expected = (count - own) / 9
        assert len(others) == 9
        assert all(abs(n - expected) < 5 * expected**0.5 for n in others.values())


def wilson_of(hits: int, count: int) -> tuple[float, float]:
    """A binomial interval at four standard deviations, by itself."""
    z, share = 4.0, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (share * (1 - share) / count + (z / (2 * count)) ** 2) ** 0.5
    return middle - half - 1e-12, middle + half + 1e-12


def test_ten_thousand_marks_differ() -> None:
    marks = {draw_mark(number).tobytes() for number in range(10_000)}
    assert len(marks) == 10_000
    for number in range(200):
        mark = draw_mark(number)
        assert (mark == mark[:, ::-1]).all()
        assert (mark[0] == 255).all()
        assert (mark != 255).any()


@pytest.mark.parametrize(
    ("place", "corner"),
    [
        ("top-left", (2, 2)),
        ("top-right", (2, 84)),
        ("bottom-left", (54, 2)),
        ("bottom-right", (54, 84)),
        ("centre", (28, 43)),
    ],
)
def test_its_place_and_size(place: str, corner: tuple[int, int], make: Any) -> None:
    sample = plain("a", 3, (100, 70))
    after = make("watermark", place=place, size=0.2, opacity=1.0).apply(sample)
    changed = (np.asarray(after.image) != 9).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert (rows.min(), columns.min()) == corner
    assert (rows.max() + 1 - rows.min(), columns.max() + 1 - columns.min()) == (14, 14)
    assert (after.mask == ~changed).all()  # who looks at the mark doesn't look at the object
    assert sample.mask is not None
    assert sample.mask.all()


def test_anywhere_is_another_place_for_each_image(make: Any) -> None:
    shift = make("watermark", place="anywhere", size=0.2)
    places = {
        tuple(np.argwhere(~shift.apply(plain(f"id {number}", 0)).mask)[0]) for number in range(50)
    }
    assert len(places) > 40


@pytest.mark.parametrize("opacity", [0.1, 0.5, 0.8])
def test_what_is_below_shows_through(opacity: float, make: Any) -> None:
    solid = make("watermark", opacity=1.0).apply(plain("a", 3))
    after = np.asarray(make("watermark", opacity=opacity).apply(plain("a", 3)).image)
    marked = ~solid.mask
    expected = (1 - opacity) * 9 + opacity * np.asarray(solid.image).astype(float)
    assert abs(after[marked] - expected[marked]).max() <= 0.5 + 1e-9
    assert (after[~marked] == 9).all()


@pytest.mark.parametrize("size", [(3, 2), (1, 1), (7, 7), (8, 300)])
def test_small_images_have_as_much_of_it_as_fits(size: tuple[int, int], make: Any) -> None:
    sample = dataclasses.replace(plain("a", 1, size), mask=None)
    after = make("watermark", size=1.0).apply(sample)
    assert after.image.size == size
    assert after.image.tobytes() != sample.image.tobytes()
    assert after.mask is None
