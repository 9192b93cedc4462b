from __future__ import annotations

from collections.abc import Iterator

import pytest

from rateval.workbench.kept import Kept


class Things:
    """Series of two things of ten bytes each, and the names of those that had to be made."""

    def __init__(self, limit: int) -> None:
        self.kept: Kept[memoryview] = Kept(limit)
        self.made: list[str] = []

    def ask(self, name: str, group: str = "") -> None:
        found = list(self.kept.each(name, self._make(name), group))
        assert [bytes(one).decode().strip() for one in found] == [name, name]

    def _make(self, name: str) -> Iterator[memoryview]:
        self.made.append(name)
        yield from [memoryview(name.ljust(10).encode())] * 2


@pytest.mark.parametrize(("fit", "made"), [(6, 6), (4, 10), (1, 18)])
def test_tests_in_turn_are_kept_as_far_as_they_fit(fit: int, made: int) -> None:
    """Three methods ask for six tests in turn; where the oldest went first, all would be made."""
    things = Things(20 * fit)
    for _ in range(3):
        for name in "abcdef":
            things.ask(name)
    assert len(things.made) == made


def test_the_newest_is_kept_whatever_else_is() -> None:
    things = Things(40)
    for name in "abcc":
        things.ask(name)
    assert things.made == ["a", "b", "c"]
    things.ask("a")
    assert things.made == ["a", "b", "c"]


def test_another_group_begins_with_nothing() -> None:
    things = Things(100)
    for group in ("one", "one", "other", "one"):
        things.ask("a", group)
    assert things.made == ["a", "a", "a"]


def test_what_is_larger_than_the_limit_takes_the_place_of_nothing() -> None:
    kept: Kept[memoryview] = Kept(20)
    list(kept.each("a", [memoryview(b"1234567890")]))
    assert sum(one.nbytes for one in kept.each("b", [memoryview(bytes(15))] * 2)) == 30
    assert [bytes(one) for one in kept.each("a", [])] == [b"1234567890"]


def test_a_series_that_was_left_half_way_is_made_again() -> None:
    things = Things(100)
    next(things.kept.each("a", things._make("a")))
    things.ask("a")
    assert things.made == ["a", "a"]
