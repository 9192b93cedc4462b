"""Corrections of p against what they stand for."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, strategies as st

from rateval.stats.difference import Share, difference
from rateval.stats.multiple import all_of, holm, no_change, no_fall


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_closed_test_by_bonferroni(p_values: list[float]) -> None:
    everyone = range(len(p_values))
    expected = []
    for at in everyone:
        # A hypothesis falls where every set that holds it does.
        sets = [
            chosen
            for size in range(1, len(p_values) + 1)
            for chosen in combinations(everyone, size)
            if at in chosen
        ]
        expected.append(
            max(min(1.0, len(chosen) * min(p_values[i] for i in chosen)) for chosen in sets)
        )
    assert holm(p_values) == pytest.approx(expected)


def test_of_no_test_nothing_is_left() -> None:
    assert holm([]) == []


def test_a_finding_of_two_is_as_sure_as_the_less_sure() -> None:
    assert all_of([0.001, 0.04]) == 0.04


@pytest.mark.parametrize(("counts", "shown"), [((480, 480), True), ((440, 480), False)])
def test_no_fall_is_where_the_one_sided_bound_stays_above_the_margin(
    counts: tuple[int, int], shown: bool
) -> None:
    one, other = (Share(count, 600) for count in counts)
    assert (no_fall(one, other, 0.0, 0.05) < 0.05) == shown
    # The lower end of a 90 % interval is a bound at 5 % on one side.
    assert (difference(one, other, level=0.9).low > -0.05) == shown


def test_no_change_needs_both_sides() -> None:
    same, above = Share(480, 600), Share(530, 600)
    assert no_change(same, same, 0.0, 0.05) < 0.05
    assert no_fall(above, same, 0.0, 0.05) < 0.05
    assert no_change(above, same, 0.0, 0.05) > 0.5


def test_no_fall_at_all_cannot_be_shown() -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        no_fall(Share(1, 2), Share(1, 2), 0.0, 0.0)
