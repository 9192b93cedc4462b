"""What few images took, extended to many."""

from __future__ import annotations

import pytest

from rateval.engine.forecast.points import Point, extend_bytes, extend_seconds
from rateval.engine.forecast.trying.clock import Clock
from rateval.engine.forecast.trying.fit import Times
from rateval.modelkit.swapping import POOL


def test_a_step_that_was_done_whole_takes_what_it_took() -> None:
    points = [Point(5, 9.0, 90), Point(10, 4.0, 100, per_unit=0.1)]
    assert extend_seconds(points, 10) == 4.0
    assert extend_bytes(points, 10) == 100


def test_a_first_step_that_was_slower_makes_no_line_that_falls() -> None:
    points = [Point(5, 9.0, 90), Point(10, 4.0, 80)]
    assert extend_seconds(points, 1000) == 4.0
    assert extend_bytes(points, 1000) == 80


def test_donors_are_read_up_to_as_many_as_are_kept() -> None:
    def took(units: int) -> float:  # 3 s to begin, 0.5 s a donor, 0.25 s an image
        return 3.0 + 0.5 * min(units, POOL) + 0.25 * units

    points = [Point(count, took(count), 0, per_unit=0.25) for count in (16, 64)]
    for units in (100, POOL, 10_000):
        assert extend_seconds(points, units, lends=True) == pytest.approx(took(units))


def test_passes_that_were_not_seen_take_as_long_as_the_last_one() -> None:
    clock = Clock(lambda: 0.0)
    clock.begin(40)  # a pass over 8 images for features, then four epochs
    clock.batches = [(4, 8.0), (4, 8.0), (4, 1.0), (4, 1.0)]
    times = Times(clock, examining=[9.0, 2.0], saving=0.5, broken_off=True)
    taken = 16.0 + 2.0 + 11.0 + 0.5 + 3.0  # and 3 s besides
    # 80 images: 160 s of features, four epochs of 20 s; four times 5 times as many are examined.
    whole = times.of(80, 8, taken, share=5.0)
    assert whole == pytest.approx(3.0 + 160.0 + 4 * 20.0 + 4 * (10.0 + 0.5))
