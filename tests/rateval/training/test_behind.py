from __future__ import annotations

import itertools
import threading

import pytest

from rateval.training.behind import APART, Behind, Pace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_two_percent_of_the_time_goes_into_keeping() -> None:
    """Epochs of 8 s, and states that take 5 s each: one is kept in about 250 s."""
    clock = Clock()
    pace, kept = Pace(clock), []

    def keep() -> None:
        clock.now += 5
        kept.append(clock.now)

    for _ in range(1000):
        clock.now += 8
        if pace.is_due(10**9):
            pace.timed(keep)
    assert 5 * len(kept) <= 0.02 * clock.now < 5 * (len(kept) + 2)
    assert max(b - a for a, b in itertools.pairwise(kept)) <= 5 * APART + 8 + 5


def test_what_costs_nothing_is_kept_after_every_epoch() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(10):
        clock.now += 0.1
        assert pace.is_due(1000)
        pace.timed(lambda: None)


def test_it_goes_by_what_the_last_one_took() -> None:
    clock = Clock()
    pace = Pace(clock)

    def slow() -> None:
        clock.now += 2

    pace.timed(slow)
    clock.now += 2 * APART - 1
    assert not pace.is_due(1)
    assert pace.is_due(10**12, last=True)  # the whole took long enough
    clock.now += 1
    assert pace.is_due(10**12)


def test_the_last_one_of_a_short_training_is_too_dear() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now = 30
    assert not pace.is_due(10**9, last=True)
    assert pace.is_due(10**7, last=True)


def test_what_fails_behind_is_raised_once_by_whoever_asks() -> None:
    behind = Behind()
    behind.require_success()
    behind.finish()

    def fail() -> None:
        raise OSError("no")

    behind.start(fail)
    with pytest.raises(OSError, match="no"):
        behind.finish()
    behind.finish()
    behind.start(fail)
    with pytest.raises(OSError, match="no"):
        behind.start(fail)
    behind.require_success()


def test_one_piece_of_work_at_a_time() -> None:
    behind, go_on, order = Behind(), threading.Event(), []

    def first() -> None:
        go_on.wait(60)
        order.append(1)

    behind.start(first)
    assert behind.is_busy
    behind.require_success()  # doesn't wait
    go_on.set()
    behind.start(lambda: order.append(2))
    behind.finish()
    assert order == [1, 2]
    assert not behind.is_busy
