"""Cells whose units are their own, compared sample by sample."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student

from rateval.scoring.units.compared import compare_sums
from rateval.scoring.units.sums import Sums, sum_units

ACCURACY = np.array([[0.0, 1.0], [1.0, 1.0]])
"""What a wrong unit, state 0, and a right one, state 1, add."""


def make(samples: list[int], units: list[int], right: list[int], **more: object) -> Sums:
    states = np.array(right, dtype=np.uint8)
    return sum_units(np.array(samples), np.array(units, np.int64), states, [ACCURACY], None)


def difference_naively(
    one: dict[int, list[int]], other: dict[int, list[int]], level: float = 0.95
) -> tuple[float, float, float]:
    """Return the difference of accuracies and its interval by a plain loop over samples."""
    both = sorted(one.keys() & other.keys())
    values, pulls = [], []
    for cell in (one, other):
        above = float(sum(sum(cell[at]) for at in both))
        below = float(sum(len(cell[at]) for at in both))
        values.append(above / below)
        pulls.append([(sum(cell[at]) - above / below * len(cell[at])) / below for at in both])
    # A sample of which neither says anything is no cluster.
    there = sum(bool(one[at] or other[at]) for at in both)
    square = sum((mine - theirs) ** 2 for mine, theirs in zip(*pulls, strict=True))
    error = sqrt(there / (there - 1) * square)
    half = float(student.ppf(0.5 + level / 2, there - 1)) * error
    value = values[0] - values[1]
    return value, max(-1.0, value - half), min(1.0, value + half)


def of(cell: dict[int, list[int]]) -> Sums:
    samples = sorted(cell)
    return make(
        samples,
        [at for at in samples for _ in cell[at]],
        [right for at in samples for right in cell[at]],
    )


def test_a_difference_equals_one_by_a_plain_loop() -> None:
    one = {0: [1, 1], 2: [], 3: [1], 5: [0, 1, 1], 7: [1], 9: []}
    other = {0: [1], 2: [0, 0], 3: [], 5: [1, 0], 7: [0], 8: [1, 1, 1], 9: []}
    (found,) = compare_sums(of(one), of(other), 0.95)
    assert found is not None
    value, low, high = difference_naively(one, other)
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high), abs=1e-12)
    assert found.value == pytest.approx(6 / 7 - 2 / 6)


def test_a_cell_whose_captions_name_nothing_has_no_difference() -> None:
    assert compare_sums(of({0: [1], 1: [0]}), of({0: [], 1: []}), 0.95) == [None]


def test_clusters_of_samples_take_their_place() -> None:
    one = {at: [at % 2, 1] for at in range(12)}
    other = {at: [1] * (at % 3) for at in range(12)}
    groups = np.arange(12) // 3
    mine, theirs = (Sums(s.positions, s.adds, s.wrong, groups) for s in (of(one), of(other)))
    (found,) = compare_sums(mine, theirs, 0.95)
    joined = [
        {
            group: [right for at in cell if at // 3 == group for right in cell[at]]
            for group in range(4)
        }
        for cell in (one, other)
    ]
    assert found is not None
    assert found.over == "clusters"
    expected = difference_naively(joined[0], joined[1])
    assert (found.value, found.low, found.high) == pytest.approx(expected, abs=1e-12)


def draw(random: np.random.Generator, count: int) -> tuple[dict[int, list[int]], ...]:
    """Draw what two methods say of images, some of which are hard for both, or say little."""
    hard: NDArray[np.float64] = random.beta(1.5, 1.5, count)
    talks = random.poisson(1 + 2 * hard)
    cells = []
    for shift in (0.0, 0.15):
        rights = [
            (random.random(random.poisson(0.5 + 0.7 * n)) < np.clip(h + shift, 0, 1))
            for n, h in zip(talks, hard, strict=True)
        ]
        cells.append({at: right.astype(int).tolist() for at, right in enumerate(rights)})
    return tuple(cells)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    random = np.random.default_rng(17)
    big = draw(random, 200_000)
    truth = [sum(map(sum, cell.values())) / sum(map(len, cell.values())) for cell in big]
    value, covered, times = truth[0] - truth[1], 0, 600
    for _ in range(times):
        one, other = draw(random, 80)
        (found,) = compare_sums(of(one), of(other), 0.95)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= value <= found.high
    assert 0.93 <= covered / times <= 0.97
